// SPDX-License-Identifier: MIT
// Results of actions, which screen readers announce. They stand below the head of a view, where they cover no button.
import {button, element} from "./dom.js";

const most = 4;
const milliseconds = 10000;  // how long a good result stays

// The place of messages. A view takes it over from the one before.
export const messages = element("div", {id: "messages", role: "log", "aria-live": "polite", "aria-label": "Results"});

// An alert box; kind: "good", "busy", "warning" or "bad".
export function alert_box(kind, title, text = "", on_close = null) {
  return element(
      "div", {class: `alert ${kind}`, role: kind === "bad" ? "alert" : null},
      element("div", {class: "alert-text"}, element("strong", {}, title), text === "" ? "" : element("p", {}, text)),
      on_close ? button("×", "plain", on_close, {"aria-label": `Close: ${title}`}) : "");
}

// Shows a message and returns a function that removes it.
export function say(kind, title, text = "") {
  const remove = () => box.remove();
  const box = alert_box(kind, title, text, remove);
  messages.append(box);
  while (messages.children.length > most) messages.firstChild.remove();
  if (kind === "good") setTimeout(remove, milliseconds);
  return remove;
}
