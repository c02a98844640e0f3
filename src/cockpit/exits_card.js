// SPDX-License-Identifier: MIT
import {button, element, set_shown, set_text} from "./dom.js";
import {lines_of} from "./journal.js";
import {LiveTable, scroll_box} from "./table.js";
import {Ticker} from "./ticker.js";
import {bytes_text, error_text, time_text} from "./words.js";

const key_of = exit => `${exit.at}/${exit.pid}/${exit.slot}`;

function used_text({cpu, memory}) {
  return [cpu > 0 ? `${(cpu / 1e6).toFixed(1)} s of CPU` : "", memory > 0 ? `at most ${bytes_text(memory)}` : ""]
      .filter(Boolean)
      .join(", ");
}

// The last workers that ended, newest first, and what the journal has of one of them: at first of the last that failed.
export class ExitsCard {
  constructor(pool, client_now) {
    this.pool = pool;
    this.client_now = client_now;
    this.chosen = null;  // by the user
    this.wanted = null;  // the exit whose journal was asked for last
    this.shown = null;
    // The last lines of a worker come to the journal after its end, so the pause is long enough to get them, too.
    this.ticker = new Ticker(() => this.look(), 10000);
    this.table = new LiveTable(
        `Last exits of ${pool}`,
        [
          {title: "Time", text: exit => time_text(exit.at), order: exit => exit.at, number: false},
          {title: "Slot", number: true, text: exit => String(exit.slot), order: exit => exit.slot},
          {title: "PID", number: true, text: exit => exit.pid ? String(exit.pid) : "", order: exit => exit.pid},
          {title: "Cause", text: exit => exit.cause, kind: exit => exit.failure ? "bad" : "quiet"},
          {title: "What happened", text: exit => exit.text},
          {title: "Used", text: used_text, order: exit => exit.cpu},
          {
            title: "Actions",
            make: exit => button(
                "Journal", "small secondary", () => this.choose(exit),
                {"aria-label": `Journal of worker ${exit.slot}, pid ${exit.pid}`, "aria-controls": "journal"})
          },
        ],
        key_of);
    this.none = element("p", {class: "empty"}, "No worker has ended.");
    this.box = scroll_box(this.table, `Last exits of ${pool}`);
    this.title = element("h3");
    this.lines = element("ol", {class: "journal-lines"});
    this.journal = element(
        "div", {id: "journal", role: "region", "aria-live": "polite", "aria-label": "Journal", hidden: true},
        this.title, this.lines);
    this.root = element(
        "section", {class: "card exits"}, element("div", {class: "card-head"}, element("h2", {}, "Last exits")),
        this.none, this.box, this.journal);
    this.draw([]);
  }

  start() {
    this.ticker.start();
  }
  close() {
    this.ticker.stop();
  }
  soon() {
    this.ticker.soon(300);
  }

  async look() {
    const client = this.client_now();
    if (!client) return;
    let exits;
    try {
      exits = await client.exits();
    } catch {
      return;  // the pool has just ended, or hangs, which its view says
    }
    this.draw(exits);
    const failed = this.chosen ?? exits.find(exit => exit.failure);
    if (failed) await this.show(failed);
  }

  draw(exits) {
    set_shown(this.none, exits.length === 0);
    set_shown(this.box, exits.length > 0);
    this.table.update(exits);
  }

  choose(exit) {
    this.chosen = exit;
    this.show(exit);
  }

  async show(exit) {
    this.wanted = exit;
    let items;
    try {
      const lines = await lines_of(this.pool, exit);
      items = lines.map(
          line => element(
              "li", {class: line.priority <= 4 ? "trouble" : null},
              element("time", {}, new Date(line.at / 1000).toLocaleTimeString()), element("b", {}, line.from),
              element("span", {}, line.text)));
    } catch (error) {
      items = [element("li", {class: "trouble"}, error_text(error))];
    }
    if (exit !== this.wanted) return;  // another one was chosen meanwhile
    if (items.length === 0) items = [element("li", {}, "The journal has no lines of it that you may read.")];
    const shown = key_of(exit) + items.map(item => item.textContent).join("\n");
    if (shown === this.shown) return;  // a screen reader need not read it again
    this.shown = shown;
    set_text(this.title, `Journal of worker ${exit.slot} (pid ${exit.pid})`);
    this.lines.replaceChildren(...items);
    set_shown(this.journal, true);
  }
}
