// SPDX-License-Identifier: MIT
// What a user may do with a pool. The rights are Cockpit's: with administrative access the calls come from root, else
// from the user, about whom the pool and systemd ask polkit. So every button can be pressed, and a refusal is shown in
// words.
import {Dialog} from "./dialog.js";
import {button, element} from "./dom.js";
import {say} from "./messages.js";
import {start_pool, stop_pool} from "./systemd.js";
import {counted, error_text} from "./words.js";

// Does it, and says how it ended: `done` or, as its title, `failed`. `now` is said while it lasts.
async function attempt(failed, act, done, now = "") {
  const remove = now === "" ? () => {} : say("busy", now);
  try {
    await act();
    say("good", typeof done === "function" ? done() : done);
  } catch (error) {
    say("bad", failed, error_text(error));
  }
  remove();
}

const needs_text = {
  generation: "new workers",
  resize: "more or fewer workers",
  sockets: "a socket is changed in place",
  master: "no worker is replaced",
  restart: "a restart of the pool",
};

function effect_of(changes) {
  const needs = new Set(changes.map(change => change.needs));
  if (changes.length === 0) return "Nothing has changed. A reload still replaces every worker, one by one.";
  if (needs.has("generation")) return "The reload replaces every worker, one by one.";
  if (needs.has("resize")) return "The reload starts or drains workers and replaces none.";
  if (needs.has("master") || needs.has("sockets")) return "The reload does not replace any worker.";
  return "A reload does not apply this, but replaces every worker, one by one.";
}

function plan_table(pool, changes) {
  const needs = change => needs_text[change.needs] ?? `run "preforkctl apply ${pool}"`;
  return element(
      "table", {}, element("caption", {}, "What has changed"),
      element(
          "thead", {},
          element("tr", {}, ...["Key", "Now", "Then", "Needs"].map(title => element("th", {scope: "col"}, title)))),
      element(
          "tbody", {},
          ...changes.map(
              change => element(
                  "tr", {}, element("th", {scope: "row"}, change.key),
                  ...[change.now, change.then, needs(change)].map(text => element("td", {}, text))))));
}

// Shows the plan first. The reload itself may take minutes, so the dialog does not wait for it.
export async function reload(pool, client) {
  const dialog = new Dialog(
      `Reload ${pool}?`, {
        label: "Reload",
        act: async () => {
          attempt(
              `${pool} was not reloaded`, () => client.reload(),
              () => `${pool} was reloaded: generation ${client.pool.Generation}`, `Reloading ${pool}…`);
        },
      },
      element("p", {role: "status"}, "Asking for the plan…"));
  dialog.confirm.disabled = true;
  try {
    const changes = await client.plan();
    dialog.content.replaceChildren(
        ...changes.length > 0 ? [plan_table(pool, changes)] : [], element("p", {role: "status"}, effect_of(changes)));
    dialog.confirm.disabled = false;
    dialog.confirm.focus();
  } catch (error) {
    dialog.content.replaceChildren(
        element("p", {}, "A reload would fail now; the pool keeps its config and its workers."));
    dialog.fail(error);
  }
}

export function scale(pool, client) {
  const {MinWorkers: min, MaxWorkers: max, TargetWorkers: target, Scaling: scaling} = client.pool;
  const input = element(
      "input",
      {type: "number", id: "scale-workers", min, max, value: target, required: true, "aria-describedby": "scale-help"});
  const by_load = button("Let the load decide", "secondary extra", () => dialog.run(async () => {
    await client.scale_by_load();
    say("good", `The load decides how many workers ${pool} has`);
  }));
  const dialog = new Dialog(
      `Scale ${pool}`, {
        label: "Scale",
        more: scaling === "off" ? [] : [by_load],
        act: async () => {
          await client.scale(Number(input.value));
          say("good", `${pool} gets ${counted(Number(input.value), "worker")}`);
        },
      },
      element("label", {"for": "scale-workers"}, "Number of workers"), input,
      element(
          "p", {id: "scale-help", class: "help"},
          `From ${min} to ${max}, as the config says. Workers that are too many finish their requests first.` +
              (scaling === "auto" ? " The load no longer decides then, until the next reload." : "")));
  input.select();
}

export function recycle_all(pool, client) {
  return attempt(
      `The workers of ${pool} were not recycled`, () => client.recycle_all(),
      `Recycling ${counted(client.pool.TargetWorkers, "worker")} of ${pool}: each leaves when its successor is ready`);
}

export function recycle(pool, client, slot) {
  return attempt(
      `Worker ${slot} of ${pool} was not recycled`, () => client.recycle(slot),
      `Recycling worker ${slot} of ${pool}: it leaves when its successor is ready`);
}

export function rebalance(pool, client) {
  return attempt(
      `The connections of ${pool} were not spread`, () => client.rebalance(),
      `Spreading the resting connections of ${pool} evenly`);
}

export function stop(pool) {
  new Dialog(
      `Stop ${pool}?`, {
        label: "Stop",
        kind: "danger",
        act: async () => {
          attempt(`${pool} was not stopped`, () => stop_pool(pool), `${pool} has stopped`, `Stopping ${pool}…`);
        },
      },
      element("p", {}, "Its sockets are closed: new clients are refused. Workers finish pending requests first."),
      element("p", {}, "Units that are enabled start it again at the next boot."));
}

export function start(pool) {
  return attempt(`${pool} was not started`, () => start_pool(pool), `${pool} has started`, `Starting ${pool}…`);
}
