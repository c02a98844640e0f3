// SPDX-License-Identifier: MIT
import {Ticker} from "./ticker.js";
import {error_text} from "./words.js";

// All pools of this host, as "preforkctl list" knows them: those on the bus, those with a config, those with a unit. It
// also says what systemd says about pools that do not run, and it accepts a name on the bus only from the master of the
// pool's unit. Sends "changed".
export class Pools extends EventTarget {
  constructor() {
    super();
    this.all = null;  // objects of preforkctl --json, sorted by name; null: not known yet
    this.problem = "";
    this.ticker = new Ticker(() => this.look(), 3000);
    this.bus = cockpit.dbus("org.freedesktop.DBus", {bus: "system"});
    // A pool comes or goes.
    this.bus.subscribe(
        {interface: "org.freedesktop.DBus", member: "NameOwnerChanged"}, (path, from, member, [name]) => {
          if (name.startsWith("org.preforkd1.")) this.ticker.soon(200);
        });
  }

  start() {
    this.ticker.start();
  }

  named(name) {
    return this.all?.find(pool => pool.name === name);
  }

  // Asks again at once.
  refresh() {
    this.ticker.soon();
  }

  async look() {
    try {
      const text = await cockpit.spawn(["preforkctl", "list", "--json=short"], {err: "message"});
      this.all = JSON.parse(text);
      this.problem = "";
    } catch (error) {
      this.problem = error_text(error);
    }
    this.dispatchEvent(new Event("changed"));
  }
}
