// SPDX-License-Identifier: MIT
import {recycle} from "./actions.js";
import {button, element, set_text} from "./dom.js";
import {LiveTable, scroll_box} from "./table.js";
import {age_text, bytes_text, percent_text, state_kind} from "./words.js";

// Slots with their workers, then processes beside them: those that drain or will replace one.
export function rows_of(client) {
  const rows = [...client.slots.values()].sort((one, other) => one.Slot - other.Slot).map(slot => ({
                                                                                            key: String(slot.Slot),
                                                                                            slot: slot.Slot,
                                                                                            pid: slot.PID,
                                                                                            state: slot.State,
                                                                                            generation: slot.Generation,
                                                                                            connections: slot.Counts ?
                                                                                                slot.Connections :
                                                                                                null,
                                                                                            memory: slot.MemoryBytes,
                                                                                            cpu: slot.CPUUSec,
                                                                                            started: slot.StartedAt,
                                                                                            status: slot.StatusText,
                                                                                            serves: true
                                                                                          }));
  const known = new Set(rows.map(row => row.pid));
  for (const {slot, pid, state, generation, connections} of client.processes) {
    if (!known.has(pid)) rows.push({key: `${slot}/${pid}`, slot, pid, state, generation, connections});
  }
  return rows;
}

// What workers use of the CPUs, from the CPU time of each process at two looks.
export class CpuShares {
  before = new Map();  // by pid: {at, cpu}
  shares = new Map();

  // At a look, not at a signal: only then the times are new.
  measure(rows) {
    const at = performance.now();
    const now = new Map();
    this.shares = new Map();
    for (const {pid, cpu} of rows) {
      if (!pid || cpu == null) continue;
      const last = this.before.get(pid);
      if (last && at > last.at) this.shares.set(pid, Math.max(0, cpu - last.cpu) / 1000 / (at - last.at));
      now.set(pid, {at, cpu});
    }
    this.before = now;
  }

  of(pid) {
    return this.shares.get(pid);
  }
  // null before the second look.
  total() {
    return this.shares.size > 0 ? [...this.shares.values()].reduce((sum, share) => sum + share, 0) : null;
  }
}

// A pool's workers as a live table.
export class WorkersCard {
  constructor(pool, shares, client_now) {
    const number = (title, value, text) => ({
      title,
      number: true,
      order: row => value(row) ?? -1,
      text: row => value(row) == null ? "" :
          text                        ? text(value(row)) :
                                        String(value(row))
    });
    const recycle_button = row => row.serves ?
        button(
            "Recycle", "small secondary", () => recycle(pool, client_now(), row.slot),
            {"aria-label": `Recycle worker ${row.slot}`}) :
        "";
    this.table = new LiveTable(
        `Workers of ${pool}`,
        [
          {title: "Slot", text: row => String(row.slot), order: row => row.slot},
          number("PID", row => row.pid || null),
          {title: "State", text: row => row.state, kind: row => state_kind(row.state)},
          number("Generation", row => row.generation),
          number("Connections", row => row.connections),
          number("CPU", row => shares.of(row.pid), percent_text),
          number("Memory", row => row.memory || null, bytes_text),
          {
            ...number("Age", row => row.pid && row.started || null, age_text),
            order: row =>
                row.pid && row.started ? -row.started : -Infinity  // the start of an old worker is a small number
          },
          {title: "Status", text: row => row.status ?? ""},
          {title: "Actions", make: recycle_button},
        ],
        row => row.key);
    this.count = element("span", {class: "summary"});
    this.root = element(
        "section", {class: "card"}, element("div", {class: "card-head"}, element("h2", {}, "Workers"), this.count),
        scroll_box(this.table, `Workers of ${pool}`));
  }

  // Returns whether there is more to draw.
  draw(rows) {
    const processes = rows.filter(row => row.pid).length;
    set_text(this.count, `${processes} process${processes === 1 ? "" : "es"}`);
    return this.table.update(rows);
  }
}
