# SPDX-License-Identifier: MIT
"""Debian's headless Chromium, driven over a pipe by its own protocol (Chrome DevTools Protocol), with a mouse and a keyboard."""

import base64
import json
import os
import re
import select
import subprocess
import time

DEADLINE = 20  # seconds for what takes milliseconds
CHROMIUM = ["/usr/lib/chromium/chromium-headless-shell", "/usr/bin/chromium-headless-shell"]
# Where the page of Cockpit is: in the frame that the shell shows. `wanted` is a function of its document.
SEEK = """(() => {
  const frames = [...document.querySelectorAll("iframe")].map(frame => frame.contentDocument).filter(page => page?.getElementById("view"));
  const page = frames[0];
  return page ? (%s)(page) : null;
})()"""
# Resolves when anything in the page changes, or a little later: styles and values of inputs change without a mutation.
CHANGE = """new Promise(resolve => {
  const watch = new MutationObserver(() => { watch.disconnect(); resolve(); });
  for (const page of [document, ...[...document.querySelectorAll("iframe")].map(frame => frame.contentDocument).filter(Boolean)]) {
    watch.observe(page, { subtree: true, childList: true, characterData: true, attributes: true });
  }
  setTimeout(resolve, 200);
})"""


class Failed(Exception):
    pass


class Browser:
    def __init__(self, folder, size=(1400, 1000)):
        to_browser, self._commands = os.pipe()
        self._answers, from_browser = os.pipe()
        program = next(path for path in CHROMIUM if os.path.exists(path))
        command = [program, "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                   "--disable-background-networking", "--no-first-run", "--hide-scrollbars", f"--user-data-dir={folder}",
                   f"--window-size={size[0]},{size[1]}", "about:blank"]
        with open(os.path.join(folder, "log"), "wb") as log:
            self._process = subprocess.Popen(["/bin/bash", "-c", f'exec "$@" 3<&{to_browser} 4>&{from_browser}', "bash", *command],
                                             pass_fds=(to_browser, from_browser), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        os.close(to_browser)
        os.close(from_browser)
        self._number = 0
        self._rest = b""
        self.console = []  # what pages complained about
        self._session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def call(self, method, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + DEADLINE
        while True:
            answer = self._next(deadline)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise Failed(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self._note(answer)

    def _next(self, deadline):
        while b"\0" not in self._rest:
            if not select.select([self._answers], [], [], max(0, deadline - time.monotonic()))[0]:
                raise Failed("the browser does not answer")
            piece = os.read(self._answers, 1 << 20)
            if not piece:
                raise Failed("the browser has ended")
            self._rest += piece
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event):
        parameters = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.console.append(details.get("exception", {}).get("description") or details["text"])
        elif event.get("method") == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "assert"):
            self.console.append(" ".join(str(each.get("value", each.get("description"))) for each in parameters["args"]))
        elif event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.console.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")

    def evaluate(self, expression):
        """The value of an expression in the outer document, awaited; None where the document is about to be replaced."""
        try:
            answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        except Failed as error:
            if re.search("context was destroyed|Cannot find context|navigated", str(error)):
                return None
            raise
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise Failed(f"{expression}: {details.get('exception', {}).get('description', details['text'])}")
        return answer["result"].get("value")

    def in_page(self, function):
        """The value of a JavaScript function of our page's document, None while there is no page."""
        return self.evaluate(SEEK % function)

    def until(self, look, what, deadline=DEADLINE):
        """Waits until look() is true, and returns what it returns."""
        end = time.monotonic() + deadline
        while not (value := look()):
            if time.monotonic() > end:
                raise Failed(f"not within {deadline} s: {what}\n{self.text()}\n" + "\n".join(self.console))
            self.evaluate(CHANGE)
        return value

    def text(self):
        return self.in_page("page => page.body.innerText") or self.evaluate("document.body.innerText")

    def shows(self, text, deadline=DEADLINE):
        """Waits until the page shows a text."""
        self.until(lambda: text in (self.in_page("page => page.body.innerText") or ""), f'"{text}" on the page', deadline)

    def open(self, address):
        self.call("Page.navigate", url=address)

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def _place(self, name, role):
        """The middle of the visible button, link or cell with this name, on the screen. Of several, the one in an open dialog."""
        seek = """page => {
          const root = page.querySelector("dialog[open]") ?? page;
          const named = [...root.querySelectorAll(%s)].find(node => (node.getAttribute("aria-label") ?? node.textContent.trim()) === %s
            && node.checkVisibility() && !node.disabled);
          if (!named) return null;
          named.scrollIntoView({ block: "center" });
          const inner = named.getBoundingClientRect(), outer = page.defaultView.frameElement.getBoundingClientRect();
          const inside = inner.bottom > 0 && inner.top < page.defaultView.innerHeight;
          return inside ? [outer.x + inner.x + inner.width / 2, outer.y + inner.y + inner.height / 2] : null;
        }""" % (json.dumps(role), json.dumps(name))
        return self.in_page(seek)

    def click(self, name, role="button, a, th button"):
        where = self.until(lambda: self._place(name, role), f'a {role} "{name}" to click')
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=where[0], y=where[1], button="left", clickCount=1)

    def press(self, key):
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}
        text = {"Enter": "\r", " ": " "}.get(key)
        event = {"key": key, "code": {" ": "Space"}.get(key, key), "windowsVirtualKeyCode": codes[key]}
        self.call("Input.dispatchKeyEvent", type="keyDown", **event, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def focused(self):
        """The name of what has the focus in our page."""
        return self.in_page('page => { const node = page.activeElement; return node.getAttribute("aria-label") ?? node.textContent.trim(); }')
