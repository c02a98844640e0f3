// SPDX-License-Identifier: MIT
import * as actions from "./actions.js";
import {Chart, History} from "./chart.js";
import {button, element, Frame, set_shown, set_text} from "./dom.js";
import {ExitsCard} from "./exits_card.js";
import {alert_box, messages} from "./messages.js";
import {PoolClient} from "./pool_client.js";
import {Ticker} from "./ticker.js";
import {bytes_text, error_text, percent_text, rate_text, state_kind, time_text} from "./words.js";
import {CpuShares, rows_of, WorkersCard} from "./workers_card.js";

const no_answer = "no answer";  // the state of a pool that is on the bus

const scaling_text = {
  off: "",
  auto: ", the load decides",
  pinned: ", set by an operator until the next reload"
};

function listener_text([, address, queued, limit]) {
  return limit > 0 ? `${address} (${queued} of ${limit} wait)` : address;
}

// One pool. While it runs, a PoolClient shows it; else what is known of its units.
export class PoolView {
  constructor(root, pools, name) {
    this.name = name;
    this.pools = pools;
    this.client = null;
    this.silence = "";  // why the pool does not answer
    this.frame = new Frame(() => this.draw());
    this.ticker = new Ticker(() => this.look(), 2000);
    this.history = History.of(name);
    this.requests = null;  // at the last look: {at, total}
    this.shares = new CpuShares();
    this.exits = new ExitsCard(name, () => this.client);
    this.workers = new WorkersCard(name, this.shares, () => this.client);
    this.make(root);
    this.on_pools = () => this.follow();
    pools.addEventListener("changed", this.on_pools);
    this.ticker.start();
    this.exits.start();
    this.follow();
  }

  close() {
    this.pools.removeEventListener("changed", this.on_pools);
    this.ticker.stop();
    this.exits.close();
    this.frame.cancel();
    this.drop_client();
  }

  make(root) {
    const act = (text, kind, action, when) => {
      const made = button(text, kind, async () => {
        await action();
        this.pools.refresh();
        this.ticker.soon();
      });
      this.buttons.push({made, when});
      return made;
    };
    this.buttons = [];
    const running = () => this.client?.pool;
    const {name} = this;
    this.state = element("span", {class: "label quiet", role: "status"});
    this.description = element("p", {class: "summary"});
    this.status = element("p");
    this.warnings = element("div", {class: "warnings"});
    this.facts = new Map();
    this.fact_list = element("dl", {class: "facts"});
    this.charts = [
      new Chart("CPU", sample => sample.cpu, percent_text),
      new Chart("Requests per second", sample => sample.requests, rate_text),
      new Chart("Clients that wait in the queue", sample => sample.queue, String),
      new Chart("Memory", sample => sample.memory, bytes_text),
    ];
    this.live = element(
        "div", {class: "live", hidden: true},
        element(
            "section", {class: "card"}, element("h2", {}, "Load"),
            element("div", {class: "charts"}, ...this.charts.map(chart => chart.root))),
        this.workers.root, this.exits.root);
    root.append(
        element(
            "nav", {"aria-label": "Breadcrumb", class: "breadcrumb"}, element("a", {href: "#/"}, "Worker pools"), " › ",
            element("span", {"aria-current": "page"}, name)),
        element(
            "header", {class: "page-head"}, element("h1", {}, name), this.state, this.description,
            element(
                "div", {class: "actions", role: "group", "aria-label": `Actions for ${name}`},
                act("Reload…", "primary", () => actions.reload(name, this.client), running),
                act("Scale…", "secondary", () => actions.scale(name, this.client), running),
                act("Recycle", "secondary", () => actions.recycle_all(name, this.client), running),
                act("Rebalance", "secondary", () => actions.rebalance(name, this.client), running),
                act("Start", "primary", () => actions.start(name),
                    () => !this.client && this.known && this.known.state !== no_answer),
                act("Stop…", "danger-outline", () => actions.stop(name),
                    () => this.known && this.known.state !== "stopped"))),
        messages, this.warnings, element("section", {class: "card"}, this.status, this.fact_list), this.live);
  }

  get known() {
    return this.pools.named(this.name);
  }

  drop_client() {
    this.client?.close();
    this.client = null;
  }

  // A pool that the list shows as running gets a client.
  follow() {
    if (!this.client && this.known?.main_pid != null) {
      const client = this.client = new PoolClient(this.name);
      this.silence = "";
      client.addEventListener("changed", () => this.frame.request());
      client.addEventListener("exit", () => {
        this.exits.soon();
        this.ticker.soon(500);
      });
      client.addEventListener("gone", () => {
        if (this.client === client) this.client = null;
        this.requests = null;
        this.pools.refresh();
        this.frame.request();
      });
      this.ticker.soon();
      this.exits.soon();
    }
    this.frame.request();
  }

  async look() {
    const {client} = this;
    if (!client) return;
    let silence = "";
    try {
      await client.look();
    } catch (error) {
      silence = error_text(error);
    }
    if (client !== this.client) return;  // it has ended, or the view has
    this.silence = silence;
    if (silence === "") this.take_sample();
    this.frame.request();
  }

  take_sample() {
    const {pool} = this.client;
    const rows = rows_of(this.client);
    this.shares.measure(rows);
    const at = Date.now();
    const {requests: last} = this;
    this.requests = pool.Counts ? {at, total: pool.RequestsTotal} : null;
    this.history.add({
      at,
      cpu: this.shares.total(),
      requests: last && this.requests && at > last.at ?
          Math.max(0, pool.RequestsTotal - last.total) * 1000 / (at - last.at) :
          null,
      queue: pool.Listeners.reduce((sum, [, , queued]) => sum + queued, 0),
      memory: rows.reduce((sum, row) => sum + (row.memory ?? 0), 0),
    });
  }

  draw() {
    const {client, known, pools} = this;
    const pool = client?.pool;
    const state = pool ? pool.State : known ? known.state : pools.all ? "unknown" : "…";
    set_text(this.state, state);
    this.state.className = `label ${state_kind(state)}`;
    set_text(this.description, pool?.Description ?? "");
    for (const {made, when} of this.buttons) set_shown(made, Boolean(when()));
    this.draw_warnings();
    this.draw_facts(pool);
    set_shown(this.live, Boolean(pool));
    if (!pool) return set_text(this.status, this.standing_text());
    set_text(this.status, pool.StatusText);
    const {samples} = this.history;
    for (const chart of this.charts) {
      set_shown(chart.root, samples.some(sample => chart.value(sample) != null));
      chart.draw(samples);
    }
    if (this.workers.draw(rows_of(client))) this.frame.request();
  }

  standing_text() {
    const {known, pools} = this;
    if (this.client) return "Asking the pool…";
    if (known?.state === no_answer) return `The pool does not answer: ${known.remark}`;
    if (known) return `The pool is not running: ${known.state}${known.remark ? `, ${known.remark}` : ""}`;
    return pools.all ? "There is no pool of this name on this host." : pools.problem || "Looking for the pool…";
  }

  draw_facts(pool) {
    const facts = pool ? {
      "Workers": `${pool.ReadyWorkers} of ${pool.TargetWorkers} ready, from ${pool.MinWorkers} to ${pool.MaxWorkers}` +
          (scaling_text[pool.Scaling] ?? ""),
      "Connections": pool.Counts ? String(pool.Connections) : "not counted",
      "Generation": String(pool.Generation),
      "Last reload": pool.LastReload[0] === 0 ? "none" : `${time_text(pool.LastReload[0])}: ${pool.LastReload[2]}`,
      "Listens at": pool.Listeners.map(listener_text).join(", "),
      "Program": pool.Program.join(" "),
      "Config": pool.ConfigFile || "on the command line",
      "Master": `pid ${pool.MainPID}, preforkd ${pool.Version}, since ${time_text(pool.StartedAt)}`,
    } :
        this.known?.config_file ? {"Config": this.known.config_file} :
                                  {};
    const titles = Object.keys(facts);
    if (titles.join() !== [...this.facts.keys()].join()) {
      this.facts = new Map(titles.map(title => [title, element("dd")]));
      this.fact_list.replaceChildren(
          ...titles.map(title => element("div", {}, element("dt", {}, title), this.facts.get(title))));
    }
    for (const title of titles) set_text(this.facts.get(title), facts[title]);
  }

  draw_warnings() {
    const {known, client} = this;
    const all = [];
    if (this.silence !== "" && client) all.push(["bad", "The pool does not answer", this.silence]);
    if (known?.config_problem)
      all.push(["warning", "The config is wrong; the units are made of the last valid one", known.config_problem]);
    if (client?.pool?.State === "degraded")
      all.push(["warning", "Workers fail", "The last exits say why. preforkd tries again in slots with \"backoff\"."]);
    if (client?.pool?.Drained) {
      all.push([
        "warning", "The pool is drained",
        `It asks load balancers for no new clients until "preforkctl undrain ${this.name}".`
      ]);
    }
    if (client?.pool?.Unapplied?.length > 0) {
      all.push([
        "warning", "The config needs more than a reload",
        `${client.pool.Unapplied.join(", ")}: run "preforkctl apply ${this.name}"`
      ]);
    }
    const text = JSON.stringify(all);
    if (this.warnings.dataset.shown === text) return;
    this.warnings.dataset.shown = text;
    this.warnings.replaceChildren(...all.map(each => alert_box(...each)));
  }
}
