// SPDX-License-Identifier: MIT
const path = "/org/freedesktop/systemd1";
const manager = "org.freedesktop.systemd1.Manager";

export const service_of = pool => `preforkd@${pool}.service`;

// Whether a unit is the pool's service or one of its sockets. Another pool's may have a name that begins like it.
function is_of(pool, unit) {
  const rest = unit.startsWith(`preforkd-${pool}-`) ? unit.slice(`preforkd-${pool}-`.length) : "";
  return unit === service_of(pool) || unit === `preforkd@${pool}.socket` || /^[0-9]+\.socket$/.test(rest);
}

// Starts jobs of systemd ("StartUnit", "StopUnit") and waits for them. Throws if one fails.
async function run_jobs(bus, method, units) {
  const results = new Map();  // of jobs by path; some end before we know that they are ours
  const changed = new EventTarget();
  bus.subscribe({interface: manager, member: "JobRemoved"}, (from, name, member, [, job, , result]) => {
    results.set(job, result);
    changed.dispatchEvent(new Event("job"));
  });
  await bus.call(path, manager, "Subscribe", [], {type: ""})
      .catch(() => {});  // fails if this connection has subscribed
  const jobs = new Map();
  for (const unit of units) {
    const [job] = await bus.call(path, manager, method, [unit, "replace"], {type: "ss"});
    jobs.set(job, unit);
  }
  while (![...jobs.keys()].every(job => results.has(job))) {
    await new Promise((resolve, reject) => {
      changed.addEventListener("job", resolve, {once: true});
      bus.addEventListener(
          "close", (event, options) => reject(new Error(options.message || "systemd is gone")), {once: true});
    });
  }
  for (const [job, unit] of jobs) {
    if (results.get(job) !== "done")
      throw new Error(`${unit}: ${results.get(job)}; "systemctl status ${unit}" shows why`);
  }
}

async function with_systemd(act) {
  const bus = cockpit.dbus("org.freedesktop.systemd1", {bus: "system", superuser: "try"});
  try {
    await act(bus);
  } finally {
    bus.close();
  }
}

// Stops the pool and its sockets, so that the next connection does not start it again.
export function stop_pool(pool) {
  return with_systemd(async bus => {
    const [units] = await bus.call(
        path, manager, "ListUnitsByPatterns", [[], [service_of("*"), "preforkd@*.socket", "preforkd-*.socket"]],
        {type: "asas"});
    const own = units.map(unit => unit[0]).filter(unit => is_of(pool, unit));
    if (own.length === 0) throw new Error(`${service_of(pool)} does not run it: stop it where it was started.`);
    await run_jobs(bus, "StopUnit", own);
  });
}

// The service requires its sockets.
export function start_pool(pool) {
  return with_systemd(bus => run_jobs(bus, "StartUnit", [service_of(pool)]));
}
