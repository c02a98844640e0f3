// SPDX-License-Identifier: MIT
import {element, Frame, set_shown, set_text} from "./dom.js";
import {alert_box, messages} from "./messages.js";
import {LiveTable} from "./table.js";
import {age_text, counted, state_kind} from "./words.js";

function remark_of(pool) {
  if (pool.config_problem) return `wrong config: ${pool.config_problem}`;
  return pool.remark || pool.description || "";
}

// The pools of this host.
export class ListView {
  constructor(root, pools) {
    this.pools = pools;
    this.frame = new Frame(() => this.draw());
    this.table = new LiveTable(
        "Pools of this host",
        [
          {
            title: "Pool",
            make: pool => element("a", {href: `#/${encodeURIComponent(pool.name)}`}, pool.name),
            order: pool => pool.name
          },
          {title: "State", text: pool => pool.state, kind: pool => state_kind(pool.state)},
          {
            title: "Workers ready",
            number: true,
            order: pool => pool.ready_workers ?? -1,
            text: pool => pool.ready_workers == null ? "" : `${pool.ready_workers} of ${pool.target_workers}`
          },
          {
            title: "Connections",
            number: true,
            order: pool => pool.connections ?? -1,
            text: pool => String(pool.connections ?? "")
          },
          {
            title: "Requests",
            number: true,
            order: pool => pool.requests_total ?? -1,
            text: pool => String(pool.requests_total ?? "")
          },
          {
            title: "Runs for",
            number: true,
            order: pool => pool.started_at ? -pool.started_at : -Infinity,
            text: pool => age_text(pool.started_at ?? 0)
          },
          {title: "Description", text: remark_of},
        ],
        pool => pool.name);
    this.filter = element("input", {
      type: "search",
      id: "filter",
      placeholder: "Filter by name or state",
      autocomplete: "off",
      oninput: () => this.frame.request()
    });
    this.summary = element("p", {class: "summary", role: "status"});
    this.problem = element("div");
    this.empty = element("p", {class: "empty", hidden: true});
    root.append(
        element("header", {class: "page-head"}, element("h1", {}, "Worker pools"), this.summary), messages,
        element(
            "section", {class: "card"},
            element(
                "div", {class: "toolbar"}, element("label", {"for": "filter", class: "unseen"}, "Filter pools"),
                this.filter),
            this.problem, this.table.root, this.empty));
    this.on_change = () => this.frame.request();
    pools.addEventListener("changed", this.on_change);
    this.draw();
  }

  close() {
    this.pools.removeEventListener("changed", this.on_change);
    this.frame.cancel();
  }

  draw() {
    const {all, problem} = this.pools;
    this.draw_problem(problem);
    if (!all) return set_text(this.summary, problem === "" ? "Looking for pools…" : "");
    const wanted = this.filter.value.trim().toLowerCase();
    const shown = all.filter(pool => `${pool.name} ${pool.state}`.toLowerCase().includes(wanted));
    const running = all.filter(pool => pool.main_pid != null).length;
    set_text(
        this.summary,
        `${counted(all.length, "pool")}, ${running} running${wanted === "" ? "" : `, ${shown.length} shown`}`);
    if (this.table.update(shown)) this.frame.request();
    set_shown(this.table.root, shown.length > 0);
    set_shown(this.empty, shown.length === 0);
    set_text(
        this.empty,
        all.length > 0 ? "No pool matches." :
                         "There are no pools yet. A pool needs one file in /etc/preforkd, see preforkd-howto(7).");
  }

  draw_problem(problem) {
    if (this.problem.dataset.shown === problem) return;
    this.problem.dataset.shown = problem;
    this.problem.replaceChildren(...problem === "" ? [] : [alert_box("bad", "The pools are not known", problem)]);
  }
}
