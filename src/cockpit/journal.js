// SPDX-License-Identifier: MIT
const most = 30;
const delay = 2;  // seconds after its end in which the journal gets a worker's last lines

// journalctl prints text that is not UTF-8 as numbers, and null for what is too long.
function text_of(message) {
  if (message === null) return "(a line of more than 4096 bytes: see preforkctl logs)";
  return Array.isArray(message) ? new TextDecoder().decode(new Uint8Array(message)) : String(message ?? "");
}

// What the journal has of a worker that has ended: its own last lines and those of the master about it, the oldest
// first:
// [{at (microseconds), from, text, priority}]. Lines that the user may not read are missing.
export async function lines_of(pool, exit) {
  const until = Math.ceil(exit.at / 1e6) + delay;
  const text = await cockpit.spawn(
      [
        "journalctl", "--quiet", "--no-pager", "--output=json", `--lines=${most}`, `--until=@${until}`,
        `SYSLOG_IDENTIFIER=${pool}[${exit.slot}]`, `_PID=${exit.pid}`, "+", `PREFORK_POOL=${pool}`,
        `PREFORK_WORKER_PID=${exit.pid}`
      ],
      {err: "message", superuser: "try"});
  return text.split("\n")
      .filter(line => line !== "")
      .map(line => JSON.parse(line))
      .map(entry => ({
             at: Number(entry.__REALTIME_TIMESTAMP),
             from: text_of(entry.SYSLOG_IDENTIFIER),
             text: text_of(entry.MESSAGE),
             priority: Number(entry.PRIORITY ?? 6),
           }));
}
