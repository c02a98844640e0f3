// SPDX-License-Identifier: MIT
// Elements without markup: what comes from a pool is only ever text.

// element("a", {href: "#/"}, "Pools"): attributes whose names begin with "on" are listeners; false and null ones are
// left out.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on"))
      made.addEventListener(key.slice(2), value);
    else if (value !== false && value != null)
      made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

export function button(text, kind, act, attributes = {}) {
  return element("button", {type: "button", class: `button ${kind}`, onclick: act, ...attributes}, text);
}

// Writes only what differs, so that nothing is laid out again for nothing.
export function set_text(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function set_shown(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

// Calls `draw` at most once per frame, however often it is requested.
export class Frame {
  constructor(draw) {
    this.draw = draw;
    this.requested = 0;
  }

  request() {
    this.requested ||= requestAnimationFrame(() => {
      this.requested = 0;
      this.draw();
    });
  }

  cancel() {
    cancelAnimationFrame(this.requested);
    this.requested = 0;
  }
}
