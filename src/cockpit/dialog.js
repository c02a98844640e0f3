// SPDX-License-Identifier: MIT
import {button, element} from "./dom.js";
import {alert_box, say} from "./messages.js";
import {error_text} from "./words.js";

let number = 0;

// A modal dialog of the browser, which keeps the focus inside and closes with Escape. It ends with `act`, an
// asynchronous function: if that fails, the dialog stays and says why. Without an `act` it can only be closed.
export class Dialog {
  constructor(title, {label = "", kind = "primary", act = null, more = []} = {}, ...content) {
    const id = `dialog-title-${++number}`;
    this.errors = element("div", {class: "dialog-errors"});
    this.content = element("div", {class: "dialog-content"}, ...content);
    this.confirm = act ? element("button", {type: "submit", class: `button ${kind}`}, label) : "";
    this.form = element(
        "form", {
          onsubmit: event => {
            event.preventDefault();
            this.run(act);
          }
        },
        element("h2", {id}, title), this.errors, this.content,
        element(
            "div", {class: "dialog-buttons"}, this.confirm, ...more,
            button(act ? "Cancel" : "Close", "link", () => this.close())));
    this.dialog = element("dialog", {"aria-labelledby": id, onclose: () => this.dialog.remove()}, this.form);
    document.body.append(this.dialog);
    this.dialog.showModal();
  }

  close() {
    this.dialog.close();
  }

  async run(act) {
    this.errors.replaceChildren();
    const buttons = [...this.form.querySelectorAll("button[type=submit], button.extra")];
    for (const each of buttons) each.disabled = true;
    try {
      await act();
      this.close();
    } catch (error) {
      if (!this.dialog.isConnected) return say("bad", "That did not work", error_text(error));
      this.fail(error);
      for (const each of buttons) each.disabled = false;
    }
  }

  fail(error) {
    this.errors.replaceChildren(alert_box("bad", "That did not work", error_text(error)));
  }
}
