# SPDX-License-Identifier: MIT
"""Presses every button of the page in a browser, and looks at the pool for what came of it. Run by the file test, in its machine."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

from browser import Browser, Failed

HOST = "http://127.0.0.1:9090"
CONFIG = "/etc/preforkd/echo.json"
ACTIONS = ["Reload…", "Scale…", "Recycle", "Rebalance", "Stop…"]
MAX_CPU = 2.5  # seconds of CPU time that the page may need for 1000 workers; it needs 0.6


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def ctl(verb, *words):
    return json.loads(output("preforkctl", "--json=short", verb, *words))


def pool(name="echo"):
    return ctl("status", name)


def pids():
    """By slot, of ready workers."""
    return {worker["slot"]: worker["pid"] for worker in ctl("workers", "echo") if worker["state"] == "ready"}


def is_active(unit):
    return subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False).returncode == 0


def equal(value, wanted, what):
    if value != wanted:
        raise Failed(f"{what}: {value}, not {wanted}")


@contextlib.contextmanager
def session(user, administrator=False):
    """A browser in which the user has logged in. Its further processes may still write there when it has ended."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Browser(folder) as browser:
        try:
            log_in(browser, user, administrator)
            yield browser
            troubles = [line for line in browser.console if "preforkd" in line]
            equal(troubles, [], "what the page complains about in the console")
        except BaseException:
            browser.screenshot("/run/host/failed.png")
            raise


def log_in(browser, user, administrator):
    browser.open(HOST + "/preforkd")
    browser.until(lambda: browser.evaluate("document.getElementById('login-password-input')?.checkVisibility()"), "the form to log in")
    if administrator:  # as the switch in Cockpit's head does
        browser.evaluate(f"localStorage.setItem('superuser:{user}', 'any')")
    for field, text in (("user", user), ("password", "correct horse")):
        browser.evaluate(f"document.getElementById('login-{field}-input').focus()")
        browser.type(text)
    browser.press("Enter")
    browser.shows("100 pools")


def open_pool(browser, name):
    browser.evaluate(f"location.href = '/preforkd#/{name}'")
    browser.until(lambda: browser.in_page("page => page.querySelector('h1')?.textContent") == name, f"the page of {name}")


def cells(browser, caption):
    """The texts of a table's body, by row."""
    rows = browser.in_page("""page => {
      const table = [...page.querySelectorAll("table")].find(each => each.caption.textContent === %s);
      return table ? [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.innerText.trim())) : [];
    }""" % json.dumps(caption))
    return rows or []


def write_config(**keys):
    with open(CONFIG, encoding="utf-8") as stream:
        config = json.load(stream)
    config["settings"].update(keys)
    with open(CONFIG, "w", encoding="utf-8") as stream:
        json.dump(config, stream)


# Each of the following is one promise.

def shows_pools(browser):
    rows = {row[0]: row for row in cells(browser, "Pools of this host")}
    equal(len(rows), 100, "pools in the list")
    equal(rows["echo"][1:3] + rows["echo"][6:], ["running", "3 of 3", "Answers what it hears"], "the row of a pool that runs")
    equal(rows["waiting"][1], "waiting", "the state of a pool that waits for its first client")
    equal(rows["small97"][1], "stopped", "the state of a pool that has only a config")
    equal(rows["thousand"][2], "1000 of 1000", "the row of the large pool")
    browser.in_page("page => page.getElementById('filter').focus()")
    browser.type("wait")
    browser.until(lambda: [row[0] for row in cells(browser, "Pools of this host")] == ["waiting"], "the filtered list")


def opens_with_keyboard(browser):
    browser.in_page("page => page.getElementById('filter').focus()")
    for _ in range(12):
        browser.press("Tab")
        if browser.focused() == "waiting":
            break
    browser.press("Enter")
    browser.shows("The pool is not running: waiting")
    browser.click("Worker pools")
    browser.shows("100 pools")


def follows_a_killed_worker(browser):
    before = pids()
    browser.until(lambda: [row[1] for row in cells(browser, "Workers of echo")] == [str(pid) for pid in before.values()], "the workers of echo")
    os.kill(before[1], signal.SIGKILL)
    browser.until(lambda: pids().get(1) not in (before[1], None), "another worker in slot 1")
    after = pids()
    browser.until(lambda: [row[1] for row in cells(browser, "Workers of echo")] == [str(pid) for pid in after.values()], "the new worker")
    browser.until(lambda: [row[2] for row in cells(browser, "Last exits of echo")] == [str(before[1])], "the exit of the worker")
    equal(cells(browser, "Last exits of echo")[0][3], "signal", "the cause")
    # No button was pressed: the last failure shows its journal by itself.
    browser.shows(f"Journal of worker 1 (pid {before[1]})")
    browser.until(lambda: "signal 9 (SIGKILL)" in browser.in_page("page => page.getElementById('journal').innerText"), "the line of the master in the journal")
    browser.click(f"Journal of worker 1, pid {before[1]}")
    browser.shows("signal 9 (SIGKILL)")


def reloads_after_its_plan(browser):
    write_config(max_connections=77)
    browser.click("Reload…")
    browser.until(lambda: ["settings.max_connections", "77"] == [cell for row in cells(browser, "What has changed") for cell in (row[0], row[2])], "the plan")
    browser.shows("The reload replaces every worker, one by one.")
    equal(pool()["generation"], 1, "the generation before the reload")
    browser.click("Reload")
    browser.until(lambda: pool()["generation"] == 2 and pool()["state"] == "running", "the second generation")
    browser.shows("echo was reloaded: generation 2")
    browser.shows("3/3 workers ready, generation 2")


def says_what_is_wrong_with_a_config(browser):
    with open(CONFIG, encoding="utf-8") as stream:
        good = stream.read()
    with open(CONFIG, "w", encoding="utf-8") as stream:
        stream.write(good.replace('"workers"', '"wrokers"'))
    browser.click("Reload…")
    browser.shows("A reload would fail now")
    browser.shows("wrokers")
    equal(browser.in_page("page => page.querySelector('dialog [role=alert]') !== null"), True, "an alert for screen readers")
    equal(browser.in_page("page => page.querySelector('dialog button[type=submit]').disabled"), True, "the button cannot be pressed")
    browser.press("Escape")
    browser.until(lambda: browser.in_page("page => page.querySelector('dialog') === null"), "the end of the dialog")
    with open(CONFIG, "w", encoding="utf-8") as stream:
        stream.write(good)
    equal(pool()["generation"], 2, "the generation with a wrong config")


def scales_with_keyboard(browser):
    browser.in_page("page => [...page.querySelectorAll('button')].find(each => each.textContent === 'Scale…').focus()")
    browser.press("Enter")
    browser.until(lambda: browser.in_page("page => page.activeElement.id") == "scale-workers", "the focus in the dialog")
    browser.type("9")
    browser.press("Enter")
    browser.until(lambda: browser.in_page("page => page.activeElement.matches(':invalid')"), "the refusal of a number above the limit")
    browser.in_page("page => page.activeElement.select()")
    browser.type("5")
    browser.press("Enter")
    browser.until(lambda: pool()["ready_workers"] == 5, "five workers")
    browser.until(lambda: len(cells(browser, "Workers of echo")) == 5, "five rows")
    browser.shows("echo gets 5 workers")


def recycles(browser):
    before = pids()
    browser.click("Recycle worker 2")
    browser.until(lambda: len(pids()) == 5 and pids()[2] != before[2], "another worker in slot 2")
    equal({slot for slot, pid in pids().items() if pid != before[slot]}, {2}, "the slots with another worker")
    before = pids()
    browser.click("Recycle")
    browser.until(lambda: len(pids()) == 5 and not set(pids().values()) & set(before.values()), "five other workers")
    browser.until(lambda: {row[1] for row in cells(browser, "Workers of echo")} == {str(pid) for pid in pids().values()}, "the other workers on the page")


def rebalances(browser):
    output("preforkctl", "scale", "echo", "1")
    browser.until(lambda: len(pids()) == 1 and pool()["draining_workers"] == 0, "one worker")
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", 9505)))
            client.sendall(b"hello\n")
            client.recv(100)
        output("preforkctl", "scale", "echo", "4")
        browser.until(lambda: len(pids()) == 4, "four workers")
        browser.until(lambda: [row[4] for row in cells(browser, "Workers of echo")] == ["20", "0", "0", "0"], "the connections of one worker")
        browser.click("Rebalance")
        browser.until(lambda: [worker["connections"] for worker in ctl("workers", "echo")] == [5, 5, 5, 5], "connections that are spread")
        browser.until(lambda: [row[4] for row in cells(browser, "Workers of echo")] == ["5"] * 4, "the spread connections on the page")


def draws_load(browser):
    """Requests, CPU, queue and memory have lines, which say in words what they show."""
    with socket.create_connection(("127.0.0.1", 9505)) as client:
        client.sendall(b"hello\n" * 50)
        browser.until(lambda: (browser.in_page("page => page.querySelectorAll('.chart-line[d^=M]').length") or 0) >= 4, "four lines")
    words = browser.in_page("page => [...page.querySelectorAll('svg')].map(each => each.getAttribute('aria-label'))")
    equal([text.split(":")[0] for text in words], ["CPU", "Requests per second", "Clients that wait in the queue", "Memory"], "the charts")


def stops_and_starts(browser):
    browser.click("Stop…")
    browser.shows("Stop echo?")
    browser.click("Cancel")
    equal(is_active("preforkd@echo.service"), True, "the service after Cancel")
    browser.click("Stop…")
    browser.click("Stop")
    browser.until(lambda: not is_active("preforkd@echo.service") and not is_active("preforkd@echo.socket"), "stopped units")
    browser.shows("echo has stopped")
    browser.shows("The pool is not running: stopped")
    browser.click("Start")
    browser.until(lambda: is_active("preforkd@echo.service") and is_active("preforkd@echo.socket"), "started units")
    browser.shows("3/3 workers ready")


def reports_a_reload_whose_page_was_left(browser):
    generation = pool()["generation"]
    master = pool()["main_pid"]
    browser.click("Reload…")
    browser.shows("replaces every worker, one by one.")
    os.kill(master, signal.SIGSTOP)  # so that it lasts
    try:
        browser.click("Reload")
        browser.shows("Reloading echo…")
        browser.click("Worker pools")
        browser.shows("100 pools")
        equal("echo was not reloaded" in browser.text(), False, "a failure while the reload goes on")
    finally:
        os.kill(master, signal.SIGCONT)
    browser.shows(f"echo was reloaded: generation {generation + 1}")
    open_pool(browser, "echo")
    browser.shows("3/3 workers ready")


def shows_a_drain(browser):
    output("preforkctl", "drain", "echo")
    browser.shows("The pool is drained")
    output("preforkctl", "undrain", "echo")
    browser.until(lambda: "The pool is drained" not in browser.text(), "the end of the drain")


def offers_no_start_while_a_pool_hangs(browser):
    master = pool("small1")["main_pid"]
    os.kill(master, signal.SIGSTOP)
    try:
        open_pool(browser, "small1")
        browser.until(lambda: any(text in browser.text() for text in ("Asking the pool…", "The pool does not answer")), "a pool that hangs")
        starts = browser.in_page("page => [...page.querySelectorAll('button')].some(each => each.textContent === 'Start' && each.checkVisibility())")
        equal(starts, False, "a button to start what runs")
    finally:
        os.kill(master, signal.SIGCONT)
    open_pool(browser, "echo")
    browser.shows("3/3 workers ready")


def reaches_all_with_tab(browser):
    """Tab goes through all buttons and rows; every one of them has a name, every table a caption, and every column and row a head."""
    browser.in_page("page => page.getElementById('view').focus()")
    reached = []
    for _ in range(40):
        browser.press("Tab")
        reached.append(browser.focused())
    missing = set(ACTIONS + ["Recycle worker 0", "Recycle worker 1", "Recycle worker 2", "Workers of echo"]) - set(reached)
    equal(missing, set(), "what Tab does not reach")
    nameless = browser.in_page("""page => [
      ...[...page.querySelectorAll("button, a, input")].filter(each => (each.getAttribute("aria-label") ?? each.textContent) === "" && !each.labels?.length),
      ...[...page.querySelectorAll("table")].filter(each => !each.caption?.textContent),
      ...[...page.querySelectorAll("thead th:not([scope=col]), tbody tr:not(:has(th[scope=row]))")]].map(each => each.outerHTML)""")
    equal(nameless, [], "what a screen reader cannot name")


def follows_the_theme(browser):
    def background():
        return browser.in_page("page => page.defaultView.getComputedStyle(page.body).backgroundColor")
    light = background()
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.until(lambda: background() != light, "a dark page")
    faint = browser.in_page(CONTRAST)
    equal(faint, [], "texts of too little contrast on the dark page")
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
    browser.until(lambda: background() == light, "a light page")
    equal(browser.in_page(CONTRAST), [], "texts of too little contrast on the light page")


# Texts with a contrast below 4.5:1 to what is behind them, as WCAG counts.
CONTRAST = """page => {
  const numbers = colour => colour.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const style = node => page.defaultView.getComputedStyle(node);
  const behind = node => { for (; node; node = node.parentElement) { const [r, g, b, a = 1] = numbers(style(node).backgroundColor); if (a > 0) return [r, g, b]; } return [255, 255, 255]; };
  return [...page.querySelectorAll("h1, h2, p, a, td, th, dt, dd, button, .label, figcaption span, .chart-most, li span")]
    .filter(node => node.checkVisibility() && node.textContent.trim() !== "" && !node.disabled)
    .map(node => { const [a, b] = [light(numbers(style(node).color)), light(behind(node))].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), `${node.tagName} ${node.className} ${node.textContent.slice(0, 30)}`]; })
    .filter(([ratio]) => ratio < 4.5).map(([ratio, what]) => `${ratio.toFixed(1)} ${what}`);
}"""


def stays_responsive(browser):
    """1000 workers: all rows are there and live, rows that stay are not made again, and the page needs little CPU."""
    browser.call("Performance.enable", timeDomain="threadTicks")

    def cpu():
        return {each["name"]: each["value"] for each in browser.call("Performance.getMetrics")["metrics"]}["TaskDuration"]

    def pid_of_slot(slot):
        return browser.in_page("page => { const row = page.querySelector('tbody').rows[%d]; return row ? Number(row.cells[1].textContent) : 0; }" % slot)

    cpu_before = cpu()
    begin = time.monotonic()
    open_pool(browser, "thousand")
    browser.until(lambda: browser.in_page("page => page.querySelector('tbody')?.rows.length") == 1000, "a thousand rows")
    opened = time.monotonic() - begin
    browser.in_page("""page => {
      const body = page.querySelector("tbody");
      const view = page.defaultView;
      view.kept = [...body.rows];
      view.written = 0;
      new view.MutationObserver(all => { view.written += all.length; }).observe(body, { subtree: true, childList: true, characterData: true });
    }""")
    victim = pid_of_slot(700)
    os.kill(victim, signal.SIGKILL)
    begin = time.monotonic()
    browser.until(lambda: pid_of_slot(700) not in (0, victim), "another worker in slot 700")
    followed = time.monotonic() - begin
    equal(browser.in_page("page => page.defaultView.kept.every((row, slot) => row === page.querySelector('tbody').rows[slot])"), True, "rows stay")
    # The ages of all may change, and some CPU times and sizes; not all cells.
    written = browser.in_page("page => page.defaultView.written")
    if written > 4000:
        raise Failed(f"{written} of 10000 cells were written for one worker")
    browser.click("Age", "th button")
    browser.until(lambda: browser.in_page("page => page.querySelector('th[aria-sort=descending]') !== null"), "a sorted table")
    order = browser.in_page("page => [...page.querySelector('tbody').rows].map(row => row.cells[0].textContent)")
    equal(order[-1], "700", "the slot of the youngest worker, which is last in descending order of age")
    used = cpu() - cpu_before
    print(f"1000 workers: shown after {opened:.1f} s, a killed one replaced on the page after {followed:.1f} s, {written} cells written, "
          f"{used:.1f} s of CPU in the page")
    if used > MAX_CPU:
        raise Failed(f"the page needed {used:.1f} s of CPU")


def refuses_in_words(browser):
    """A user without rights sees everything and may change nothing, and reads why."""
    before = pids()
    browser.click("Recycle")
    browser.shows("You may not do this: org.preforkd1.manage is not allowed")
    browser.shows("Turn on administrative access")
    browser.click("Close: The workers of echo were not recycled")
    browser.click("Reload…")
    browser.shows("You may not do this: org.preforkd1.reload is not allowed")
    browser.press("Escape")
    browser.click("Scale…")
    browser.click("Scale")
    browser.until(lambda: "org.preforkd1.manage is not allowed" in (browser.in_page("page => page.querySelector('dialog')?.innerText") or ""), "the refusal in the dialog")
    browser.press("Escape")
    browser.click("Stop…")
    browser.click("Stop")
    browser.shows("echo was not stopped")
    equal(pids(), before, "the workers")
    equal(is_active("preforkd@echo.socket"), True, "the socket")


def obeys_polkit(browser):
    """What a rule of polkit allows a user, the page does for him."""
    with open("/etc/polkit-1/rules.d/50-preforkd.rules", "w", encoding="utf-8") as rules:
        rules.write('polkit.addRule(function(action, subject) { if (action.id == "org.preforkd1.reload" && subject.user == "dave")'
                    " return polkit.Result.YES; });\n")
    generation = pool()["generation"]

    def plan_is_shown():
        if browser.in_page("page => page.querySelector('dialog button[type=submit]')?.disabled === false"):
            return True
        if browser.in_page("page => page.querySelector('dialog [role=alert]') !== null"):  # polkitd has not read the rule yet
            browser.press("Escape")
        if browser.in_page("page => page.querySelector('dialog') === null"):
            browser.click("Reload…")
        return False
    browser.until(plan_is_shown, "the plan")
    browser.click("Reload")
    browser.until(lambda: pool()["generation"] == generation + 1, "a new generation")


REST = """(async () => {
  const { Ticker } = await import("./ticker.js");
  const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));
  const until = async test => { for (let tries = 0; !test() && tries < 500; ++tries) await pause(20); return test(); };
  let count = 0;
  const ticker = new Ticker(async () => { ++count; }, 20);
  ticker.start();
  const asks = await until(() => count > 3);
  cockpit.hidden = true;
  await pause(200);
  const before = count;
  await pause(600);
  const rests = count === before;
  cockpit.hidden = false;
  cockpit.dispatchEvent("visibilitychange");
  return { asks, rests, asks_again: await until(() => count > before) };
})()"""


def rests_while_hidden(browser):
    """Cockpit keeps pages that are not visible: then this one asks for nothing. Here it is without its frame."""
    browser.open(HOST + "/cockpit/@localhost/preforkd/index.html")
    browser.until(lambda: browser.evaluate("document.querySelectorAll('tbody tr').length") == 100, "the list without a frame")
    equal(browser.evaluate(REST), {"asks": True, "rests": True, "asks_again": True}, "what asks again and again")


def main():
    with session("carol", administrator=True) as browser:
        shows_pools(browser)
        opens_with_keyboard(browser)
        open_pool(browser, "echo")
        browser.shows("3/3 workers ready")
        for act in (follows_a_killed_worker, reloads_after_its_plan, says_what_is_wrong_with_a_config, scales_with_keyboard, recycles, rebalances,
                    draws_load, stops_and_starts, reports_a_reload_whose_page_was_left, shows_a_drain,
                    offers_no_start_while_a_pool_hangs, reaches_all_with_tab, follows_the_theme, stays_responsive):
            begin = time.monotonic()
            act(browser)
            print(f"{act.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
    with session("dave") as browser:
        open_pool(browser, "echo")
        browser.shows("3/3 workers ready")
        refuses_in_words(browser)
        obeys_polkit(browser)
        rests_while_hidden(browser)


if __name__ == "__main__":
    main()
