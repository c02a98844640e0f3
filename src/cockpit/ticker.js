// SPDX-License-Identifier: MIT

// Calls an asynchronous function again and again while the page is visible, never twice at the same time. The pause is
// `pause` milliseconds, or four times what the call took if that is longer: a large pool is asked less often. If there
// is news, it is at least what the call took, up to 2 s: a pool that replaces all its workers always has some.
export class Ticker {
  constructor(act, pause) {
    this.act = act;
    this.pause = pause;
    this.timer = null;
    this.due = 0;   // when the timer ends
    this.rest = 0;  // milliseconds that soon() leaves between two calls
    this.running = false;
    this.again = false;
    this.stopped = true;
    this.on_visibility = () => {
      if (!cockpit.hidden) this.soon();
    };
  }

  start() {
    this.stopped = false;
    cockpit.addEventListener("visibilitychange", this.on_visibility);
    this.soon();
  }

  stop() {
    this.stopped = true;
    cockpit.removeEventListener("visibilitychange", this.on_visibility);
    clearTimeout(this.timer);
  }

  // Something has changed: once more within `gap` milliseconds or the rest, in which further calls change nothing.
  soon(gap = 50) {
    if (this.stopped) return;
    gap = Math.max(gap, this.rest);
    if (this.running) {
      this.again = true;
    } else if (!this.timer || this.due > performance.now() + gap) {
      this.schedule(gap);
    }
  }

  schedule(milliseconds) {
    clearTimeout(this.timer);
    this.due = performance.now() + milliseconds;
    this.timer = setTimeout(() => this.run(), milliseconds);
  }

  async run() {
    this.timer = null;
    if (this.stopped || cockpit.hidden) return;
    const begin = performance.now();
    this.running = true;
    this.again = false;
    try {
      await this.act();
    } catch (error) {
      console.error("preforkd:", error);
    }
    this.running = false;
    if (this.stopped) return;
    const took = performance.now() - begin;
    this.rest = Math.min(took, 2000);
    const pause = Math.max(this.pause, 4 * took);
    this.schedule(this.again ? Math.min(pause, Math.max(500, this.rest)) : pause);
  }
}
