// SPDX-License-Identifier: MIT
const root = "/org/preforkd1";
const pool_interface = "org.preforkd1.Pool";
const worker_interface = "org.preforkd1.Worker";
const look_timeout = 10000;

// {Name: {t: "s", v: "echo"}} → {Name: "echo"}
function plain(properties) {
  return Object.fromEntries(Object.entries(properties).map(([name, variant]) => [name, variant.v]));
}

// A running pool on the bus, see org.preforkd1(5): its properties, its slots and its processes. Signals keep them up to
// date; look() also gets what has no signal, such as counters. Sends "changed", "exit" (a worker has ended) and "gone".
export class PoolClient extends EventTarget {
  constructor(name) {
    super();
    this.pool = null;        // properties; null before the first look
    this.slots = new Map();  // by object path: properties of the slot's worker
    this.processes = [];     // of ListWorkers()
    this.gone = false;
    this.calls = 0;  // that have no answer yet
    this.bus = cockpit.dbus(`org.preforkd1.${name}`, {bus: "system", superuser: "try"});
    this.bus.addEventListener("owner", (event, owner) => {
      if (!owner) this.leave();
    });
    this.bus.addEventListener("close", () => this.leave());
    this.bus.subscribe({path_namespace: root}, (...signal) => this.on_signal(...signal));
  }

  // No event comes after this. Calls still get their answers: a reload goes on when its view is left, and closing the
  // channel would report that it has failed.
  close() {
    this.gone = true;
    if (this.calls === 0) this.bus.close();
  }

  send(event) {
    if (!this.gone) this.dispatchEvent(new Event(event));
  }

  leave() {
    if (this.gone) return;
    this.close();
    this.dispatchEvent(new Event("gone"));
  }

  async ask(path, from, method, values = [], type = "", options = {}) {
    ++this.calls;
    try {
      return await this.bus.call(path, from, method, values, {type, ...options});
    } finally {
      if (--this.calls === 0 && this.gone) this.bus.close();
    }
  }

  // Everything at once. Throws what the call throws.
  async look() {
    const options = {timeout: look_timeout};
    const [[properties], [objects], [processes]] = await Promise.all([
      this.ask(root, "org.freedesktop.DBus.Properties", "GetAll", [pool_interface], "s", options),
      this.ask(root, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", [], "", options),
      this.ask(root, pool_interface, "ListWorkers", [], "", options)
    ]);
    this.pool = plain(properties);
    this.slots = new Map(Object.entries(objects)
                             .filter(([, interfaces]) => worker_interface in interfaces)
                             .map(([path, interfaces]) => [path, plain(interfaces[worker_interface])]));
    this.processes =
        processes.map(([slot, pid, state, generation, connections]) => ({slot, pid, state, generation, connections}));
    this.send("changed");
  }

  on_signal(path, from, member, values) {
    if (!this.pool) return;
    if (member === "PropertiesChanged") {
      const of = values[0] === worker_interface ? this.slots.get(path) :
          values[0] === pool_interface          ? this.pool :
                                                  null;
      if (of) Object.assign(of, plain(values[1]));
    } else if (member === "InterfacesAdded" && worker_interface in values[1]) {
      this.slots.set(values[0], plain(values[1][worker_interface]));
    } else if (member === "InterfacesRemoved") {
      this.slots.delete(values[0]);
    } else if (member === "WorkerExited") {
      this.processes = this.processes.filter(process => process.pid !== values[1]);
      this.send("exit");
    }
    this.send("changed");
  }

  async plan() {
    const [changes] = await this.ask(root, pool_interface, "Plan");
    return changes.map(([key, now, then, needs]) => ({key, now, then, needs}));
  }

  async exits() {
    const [exits] = await this.ask(root, pool_interface, "ExitHistory", [0], "u", {timeout: look_timeout});
    return exits.map(([at, slot, pid, generation, cause, , , failure, text, cpu,
                       memory]) => ({at, slot, pid, generation, cause, failure, text, cpu, memory}));
  }

  // Returns when the new workers serve.
  reload() {
    return this.ask(root, pool_interface, "Reload");
  }
  scale(workers) {
    return this.ask(root, pool_interface, "Scale", [workers], "u");
  }
  scale_by_load() {
    return this.ask(root, pool_interface, "ScaleByLoad");
  }
  recycle_all() {
    return this.ask(root, pool_interface, "RecycleAll");
  }
  rebalance() {
    return this.ask(root, pool_interface, "Rebalance");
  }
  recycle(slot) {
    return this.ask(`${root}/worker/${slot}`, worker_interface, "Recycle");
  }
}
