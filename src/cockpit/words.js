// SPDX-License-Identifier: MIT
// Numbers, times and errors in words.

const sizes = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes_text(bytes) {
  const power = Math.min(sizes.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(bytes, 1)) / 10)));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${sizes[power]}`;
}

// Of one CPU, so that 200 % are two.
export function percent_text(share) {
  return `${share > 0 && share < 0.1 ? (share * 100).toFixed(1) : Math.round(share * 100)} %`;
}

export function rate_text(per_second) {
  return per_second > 0 && per_second < 10 ? per_second.toFixed(1) : String(Math.round(per_second));
}

export function counted(number, word) {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

// Microseconds since 1970, as the bus has them.
export function time_text(at) {
  return new Date(at / 1000).toLocaleString();
}

export function age_text(at) {
  if (at === 0) return "";
  const seconds = Math.max(0, Math.round(Date.now() / 1000 - at / 1e6));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return counted(Math.floor(seconds / 86400), "day");
}

const not_allowed = /\.NotAuthorized$|\.AccessDenied$|\.AuthFailed$|\.InteractiveAuthorizationRequired$/;
const gone = /\.ServiceUnknown$|\.NameHasNoOwner$|\.NoReply$|\.Disconnected$/;

// What went wrong with a call on the bus or with a program, for the user.
export function error_text(error) {
  const said = error.message || error.problem || String(error);
  if (not_allowed.test(error.name ?? "") || error.problem === "access-denied") {
    return `You may not do this: ${said}. Turn on administrative access, or ask your administrator for a polkit rule.`;
  }
  if (gone.test(error.name ?? "")) return `The pool ended before it answered: ${said}`;
  if (/\.(Timeout|TimedOut)$/.test(error.name ?? "") || error.problem === "timeout")
    return "The master of the pool does not answer.";
  if (error.problem === "not-found") return `Not found: ${said}`;
  return said;
}

const good = new Set(["running", "ready", "waiting"]);
const busy = new Set(["starting", "reloading", "draining", "stopping"]);
const bad = new Set(["failed", "no answer", "down"]);

// The kind of label that a state has.
export function state_kind(state) {
  if (good.has(state)) return "good";
  if (busy.has(state)) return "busy";
  if (bad.has(state)) return "bad";
  return state === "degraded" || state === "backoff" ? "warning" : "quiet";
}
