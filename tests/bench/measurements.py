# SPDX-License-Identifier: MIT
"""The measurements. Each function returns rows for the table and passes the absolute numbers to `say` meanwhile."""

import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from load import bench, held_open, redis_bench
from servers import (PATIENCE, BareSpawn, Failed, KeyValue, MessageBus, Pool, Redis, Reference, ScalingPool,
                     children, context_switches, memory, processor_time, sockets)

QUIET = "settings.log_connections=false"  # the reference does not log


@dataclasses.dataclass
class Scale:
    """The extent of the measurements: in full, or only to check that everything runs."""

    workers: int
    rounds: int
    seconds: float
    connections: tuple
    churn_connections: int
    kills: int
    crowds: tuple  # numbers of workers
    idle_connections: int
    held_connections: int
    spread_connections: int
    idle_seconds: float
    shown_workers: int
    calls: int
    pools: int


@dataclasses.dataclass
class Row:
    what: str
    goal: str
    figure: str
    reached: bool = None  # None: no goal


def _ratio_row(what, pool, reference, goal=None, at_least=False):
    """From the rounds' values, taken in pairs: the ratio of the medians, and the range of the pairs' ratios."""
    ratio = round(statistics.median(pool) / statistics.median(reference), 2)
    pairs = sorted(p / r for p, r in zip(pool, reference))
    figure = f"{ratio:.2f} ({pairs[0]:.2f}–{pairs[-1]:.2f})"
    if goal is None:
        return Row(what, "", figure)
    reached = ratio >= goal if at_least else ratio <= goal
    return Row(what, f"{'≥' if at_least else '≤'} {goal:.2f}", figure, reached)


def _alternate(scale, first, second, measure):
    """`rounds` pairs of values; the order changes from pair to pair, so that neither gains from being first."""
    values = {first: [], second: []}
    for turn in range(scale.rounds):
        for server in (first, second) if turn % 2 == 0 else (second, first):
            values[server].append(measure(server))
    return values[first], values[second]


def _compare(build, scale, say, pool, reference, what, goal, *options):
    def measure(server):
        result = bench(build, server, "--seconds", scale.seconds, *options)
        say(f"{what}, {server.name}: {result['cpu']['us_per_request']:.3f} us CPU, "
            f"{result['requests_per_second']:.0f} requests/s, p99 {result['latency_us']['p99']:.0f} us")
        return result["cpu"]["us_per_request"], result["requests_per_second"]

    ours, theirs = _alternate(scale, pool, reference, measure)
    return [
        _ratio_row(f"CPU per request, {what}", [v[0] for v in ours], [v[0] for v in theirs], goal),
        _ratio_row(f"requests/s, {what}", [v[1] for v in ours], [v[1] for v in theirs]),
    ]


def requests(build, scale, say):
    """With one worker each: with more, how the connections happen to be spread over them decides more than the code."""
    rows = []
    with Reference(build, 1) as reference, Pool(build, 1, QUIET) as pool:
        for connections in scale.connections:
            for depth in (1, 16):
                what = f"{connections} connection{'s' if connections > 1 else ''}, depth {depth}"
                goal = 1.00 if connections > 1 else None
                rows += _compare(build, scale, say, pool, reference, what, goal, "--connections", connections, "--depth", depth)
    return rows


def key_value(build, scale, say):
    """The example of a key-value server beside the server whose protocol it speaks."""
    for program in ("redis-server", "redis-benchmark"):
        if not shutil.which(program):
            return [Row("example_key_value of redis-server", "", f"skipped: no {program}")]
    rows = []
    with KeyValue(build) as ours, Redis() as theirs:
        for depth, each_second in ((1, 25000), (16, 150000)):
            def measure(server, depth=depth, each_second=each_second):
                requests = max(1000, int(scale.seconds * each_second))
                rate, cpu = redis_bench(server, requests, 64, depth)
                say(f"SET and GET, 64 connections, depth {depth}, {server.name}: {cpu:.3f} us CPU, {rate:.0f} requests/s")
                return cpu, rate

            values = _alternate(scale, ours, theirs, measure)
            for index, figure in enumerate(("CPU per request", "requests/s")):
                row = _ratio_row(f"{figure}, example_key_value, 64 connections, depth {depth}",
                                 *([value[index] for value in of_server] for of_server in values))
                rows.append(dataclasses.replace(row, figure=row.figure + " of redis-server"))
    return rows


def churn(build, scale, say):
    options = ("--churn", "--connections", scale.churn_connections)
    with Reference(build, 1) as reference:
        with Pool(build, 1, QUIET) as pool:
            rows = _compare(build, scale, say, pool, reference, "a new connection each", 1.03, *options)
        with Pool(build, 1) as pool:
            rows += _compare(build, scale, say, pool, reference, "a new connection each, logged", None, *options)
    return rows


@contextlib.contextmanager
def _pipelining(address):
    """Sends requests without a pause, as one client, while the block runs."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port))) as client:
        client.settimeout(0.1)
        going = threading.Event()

        def send():
            requests = b"x\n" * 50_000
            while not going.is_set():
                with contextlib.suppress(TimeoutError):
                    client.send(requests)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            yield
        finally:
            going.set()
            sender.join()


def bad_clients(build, scale, say):
    """What clients suffer from one that pipelines without end, and what a reader that stands still costs the worker."""
    program = "tests/bench/bench_slow_server"
    options = ("--connections", 8, "--seconds", scale.seconds * 2)
    with Pool(build, 1, "hang_timeout=2s", "settings.handler_us=10", program=program) as pool:
        workers = pool.workers()
        alone = bench(build, pool, *options)["latency_us"]
        with _pipelining(pool.address):
            beside = bench(build, pool, *options)["latency_us"]
        same = pool.workers() == workers
    for name, latency in (("alone", alone), ("beside", beside)):
        say(f"8 clients {name}, 10 us a request: p50 {latency['p50']:.0f} us, p99 {latency['p99']:.0f} us, max {latency['max']:.0f} us")
    rows = [Row("p99 of others beside a client that pipelines, 10 us a request", "≤ 5 ms",
                f"{beside['p99'] / 1000:.1f} ms, alone {alone['p99'] / 1000:.1f}", beside["p99"] <= 5000),
            Row("workers killed for it, hang_timeout 2 s", "0", "0" if same else "some", same)]

    with Pool(build, 1, "settings.write_timeout=off", program=program) as pool:
        host, port = pool.address.split(":")
        before = memory(pool.workers())
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"feed\n")
            most, deadline = 0, time.monotonic() + scale.seconds
            while time.monotonic() < deadline:
                most = max(most, memory(pool.workers()) - before)
                time.sleep(0.01)
    say(f"a reader that stands still, 100 MiB/s: {most / 2**20:.0f} MiB at most")
    rows.append(Row("memory for a reader of a feed that stands still, max_output 16 MiB", "< 40 MiB", f"{most / 2**20:.0f} MiB",
                    most < 40 * 2**20))
    return rows


def respawn(build, scale, say):
    """Kills only workers that have been up for longer than their crashes are remembered, as in normal operation."""

    def kill(server):
        workers = server.workers()
        times = []
        for turn in range(scale.kills):
            time.sleep(0.02)
            victim = turn % len(workers)
            workers[victim], took = server.kill_to_ready(workers[victim])
            times.append(took / 1e6)
        times.sort()
        p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
        say(f"kill -9 to READY, {server.name}: median {statistics.median(times):.2f} ms, p99 {p99:.2f} ms")
        return statistics.median(times), p99

    with BareSpawn(build) as bare, Pool(build, scale.workers, "restart.forget_after=1ms") as pool:
        ours, theirs = _alternate(dataclasses.replace(scale, rounds=2), pool, bare, kill)
    median = statistics.median(v[0] for v in ours)
    return [
        Row("kill -9 → READY, median", "≤ 2 ms", f"{median / statistics.median(v[0] for v in theirs):.2f} of a bare spawn",
            median <= 2),
        Row("kill -9 → READY, p99", "",
            f"{statistics.median(v[1] for v in ours) / statistics.median(v[1] for v in theirs):.2f} of a bare spawn"),
    ]


def crowd(build, scale, say):
    """What the master pays for a start and for a replacement, in pools of different sizes."""
    rows = []
    for workers in scale.crowds:
        began = time.monotonic_ns()
        with Pool(build, workers, QUIET, "restart.forget_after=1ms") as pool:
            start = (time.monotonic_ns() - began) / 1e9
            starts = processor_time([pool.process.pid]) * 1e3
            victims = pool.workers()
            before = processor_time([pool.process.pid])
            kills = min(scale.kills, workers)
            for victim in victims[:kills]:
                pool.kill_to_ready(victim)
            each = (processor_time([pool.process.pid]) - before) / kills * 1e3
        say(f"{workers} workers: start {start:.2f} s, of it {starts:.0f} ms CPU of the master; {each:.2f} ms of it for a replacement")
        largest = workers >= 1000
        rows.append(Row(f"{workers} workers: time to start", "≤ 1.2 s" if largest else "", f"{start:.2f} s", start <= 1.2 if largest else None))
        rows.append(Row(f"{workers} workers: CPU of the master for kill -9 and replacement", "≤ 0.5 ms" if largest else "", f"{each:.2f} ms",
                        each <= 0.5 if largest else None))
    return rows


def image(build, scale, say):
    """What it costs the master to keep the image for a next master up to date, at each death and each start of a worker."""
    rows = []
    for workers in scale.crowds:
        run = subprocess.run([build / "tests/bench/bench_image", str(workers), str(100 * scale.kills)], stdout=subprocess.PIPE, text=True, check=True)
        median, most, size = map(float, run.stdout.split())
        say(f"{workers} workers: an update of the image takes {median:.1f} us, at most {most:.0f} us; it has {size / 1024:.0f} KiB")
        rows.append(Row(f"{workers} workers: time of an update of the image, median; its memory", "", f"{median:.0f} µs, {size / 1024:.0f} KiB"))
    return rows


def spread(build, scale, say):
    rows = []
    for make in (lambda: Reference(build, scale.workers), lambda: Pool(build, scale.workers, QUIET)):
        with make() as server:
            workers = server.workers()
            before = [sockets(pid) for pid in workers]
            with held_open(build, server, scale.spread_connections):
                accepted = [sockets(pid) - idle for pid, idle in zip(workers, before)]
        mean = statistics.mean(accepted)
        say(f"accepts over workers, {server.name}: {accepted}")
        rows.append(Row(f"accepts over workers, least and most of the mean, {server.name}", "",
                        f"{min(accepted) / mean:.2f} and {max(accepted) / mean:.2f}"))
    return rows


def idle_memory(build, scale, say):
    rows = []
    for make, goal in ((lambda: Reference(build, scale.workers), None), (lambda: Pool(build, scale.workers, QUIET), 300)):
        with make() as server:
            before = memory(server.workers())
            with held_open(build, server, scale.idle_connections):
                each = (memory(server.workers()) - before) / scale.idle_connections
        say(f"memory of an idle connection, {server.name}: {each:.0f} bytes")
        what = f"memory of one of {scale.idle_connections} idle connections, {server.name}"
        rows.append(Row(what, f"< {goal} bytes" if goal else "", f"{each:.0f} bytes", each < goal if goal else None))
    return rows


def held(build, scale, say):
    """Many idle connections in one pool: their memory, their processor time, and what other clients see of a reload."""
    workers, clients = 6, 6  # a process may have only so many descriptors
    each = scale.held_connections // clients
    count = each * clients
    settings = ("settings.max_connections=19000", "settings.idle_timeout=off", "settings.first_message_timeout=off")
    options = ("--churn", "--connections", 8, "--seconds", max(scale.seconds, 2))
    with Pool(build, workers, QUIET, *settings) as pool, contextlib.ExitStack() as holding:
        before = memory(pool.workers())
        for _ in range(clients):
            holding.enter_context(held_open(build, pool, each))
        bytes_each = (memory(pool.workers()) - before) / count
        busy = processor_time(pool.processes())
        time.sleep(scale.idle_seconds)
        busy = (processor_time(pool.processes()) - busy) / scale.idle_seconds
        quiet = bench(build, pool, *options)["latency_us"]
        timer = threading.Timer(0.5, lambda: pool.process.send_signal(signal.SIGHUP))
        timer.start()
        reloading = bench(build, pool, *options)["latency_us"]
        timer.join()
        pool.lines.wait("reload done")
    for name, latency in (("alone", quiet), ("in a reload", reloading)):
        say(f"{count} idle connections, new clients {name}: p50 {latency['p50']:.0f} us, p99 {latency['p99']:.0f} us, max {latency['max']:.0f} us")
    what = f"{count} idle connections in {workers} workers"
    return [Row(f"{what}: memory of each", "< 300 bytes", f"{bytes_each:.0f} bytes", bytes_each < 300),
            Row(f"{what}: CPU", "0", f"{busy * 100:.2f} %", busy < 0.001),
            Row(f"{what}: p99 of a connection and request during a reload", "",
                f"{reloading['p99'] / 1000:.1f} ms, without {quiet['p99'] / 1000:.1f}")]


def keeper(build, scale, say):
    """What it costs that connections may move: for a request, and in memory."""
    rows = []
    with Pool(build, 1, QUIET) as moving, Pool(build, 1, QUIET, "settings.move_connections=false") as staying:
        for connections in scale.connections:
            for depth in (1, 16):
                what = f"connections that may move against others, {connections}, depth {depth}"
                goal = 1.02 if connections > 1 else None
                rows += _compare(build, scale, say, moving, staying, what, goal, "--connections", connections, "--depth", depth)[:1]
        size = memory(children(moving.workers()[0]))
    say(f"memory of a keeper: {size / 1024:.0f} KiB")
    return [*rows, Row("memory of a keeper (Pss)", "≤ 200 KiB", f"{size / 1024:.0f} KiB", size <= 200 * 1024)]


def _ask(client, line):
    client.sendall(line.encode() + b"\n")
    reply = b""
    while not reply.endswith(b"\n"):
        data = client.recv(4096)
        if not data:
            raise Failed("a connection that should have moved was closed")
        reply += data
    return reply.decode()


def moving(build, scale, say):
    """How fast connections move, when a worker leaves and when it is killed, and what other clients see of it."""
    settings = ("settings.max_connections=19000", "settings.idle_timeout=off", "settings.first_message_timeout=off")
    with Pool(build, 1, QUIET, *settings) as pool, held_open(build, pool, scale.idle_connections):
        timer = threading.Timer(0.5, lambda: pool.process.send_signal(signal.SIGHUP))
        timer.start()
        beside = bench(build, pool, "--connections", 8, "--seconds", max(scale.seconds, 2))["latency_us"]
        timer.join()
        began, _ = pool.lines.wait("drains: reloaded")
        ended, left = pool.lines.wait(r"left \(reloaded\).*, (\d+) connections handed over")
    took = (ended - began) / 1e6
    say(f"{left[1]} connections moved in {took:.0f} ms; requests meanwhile: p99 {beside['p99']:.0f} us, max {beside['max']:.0f} us")
    rows = [Row(f"time to move {scale.idle_connections} connections to another worker", "< 1 s", f"{took / 1000:.2f} s", took < 1000),
            Row("longest request meanwhile", "≤ 50 ms", f"{beside['max'] / 1000:.1f} ms", beside["max"] <= 50_000)]

    program = "src/worker/examples/example_login"
    with Pool(build, 2, "restart.forget_after=1ms", program=program) as pool:
        host, port = pool.address.split(":")
        times = []
        with socket.create_connection((host, int(port))) as client:
            client.settimeout(PATIENCE)
            for _ in range(scale.kills):
                slot = re.search(r"worker (\d+)", _ask(client, "who am i"))[1]
                victim = next(pid for pid in pool.workers() if Path(f"/proc/{pid}/comm").read_text() == f"bench[{slot}]\n")
                time.sleep(0.02)  # it rests, and the other one is ready again
                began = time.monotonic_ns()
                os.kill(victim, signal.SIGKILL)
                _ask(client, "who am i")
                times.append((time.monotonic_ns() - began) / 1e6)
                pool.lines.wait(pool.ready_again)
    median = statistics.median(times)
    say(f"kill -9 to the first answer on a moved connection: median {median:.2f} ms, longest {max(times):.2f} ms")
    return [*rows, Row("kill -9 → first answer of a moved connection, median", "≤ 5 ms", f"{median:.1f} ms", median <= 5)]


def scaling(build, scale, say):
    """How long a client waits for a worker that is started for it, and how soon there is another one for clients that wait."""
    turns = max(scale.kills // 5, 2)
    times = []
    with ScalingPool(build, 0, 1, {"idle_for": "1s"}, QUIET, program="src/echo/prefork-echo") as pool:
        for _ in range(turns):
            began = time.monotonic_ns()
            with socket.create_connection(pool.address) as client:
                client.settimeout(PATIENCE)
                _ask(client, "hello")
                answered = (time.monotonic_ns() - began) / 1e6
            start = int(pool.lines.wait(r"is ready after (\d+)ms")[1][1])
            times.append((answered, answered - start))
            pool.lines.wait("left \\(scaled-down\\)")
    answer, beyond = (statistics.median(each) for each in zip(*times))
    say(f"on demand, the first answer: median {answer:.1f} ms, {beyond:.1f} ms more than the start of the program")
    rows = [Row("on demand: first answer, beyond the start of the program, median", "≤ 5 ms", f"{beyond:.1f} ms", beyond <= 5)]

    times = []
    for _ in range(turns):
        with ScalingPool(build, 1, 2, {}, "settings.handler_us=2000000", program="tests/bench/bench_slow_server") as pool, \
                socket.create_connection(pool.address) as busy:
            busy.sendall(b"x\n")
            time.sleep(0.3)  # now the worker is busy
            began = time.monotonic_ns()
            with socket.create_connection(pool.address):
                ready, _ = pool.lines.wait("worker 1 .*is ready")
            times.append((ready - began) / 1e6)
    took = statistics.median(times)
    say(f"a client waits → another worker is ready: median {took:.0f} ms, longest {max(times):.0f} ms")
    rows.append(Row("a client waits → another worker is ready (up: 100ms), median", "≤ 200 ms", f"{took:.0f} ms", took <= 200))
    return rows + [_looks(build, workers, scale, say) for workers in scale.crowds]


def _looks(build, workers, scale, say):
    """What it costs the master to look at the load while clients connect all the time: ten times a second."""
    with ScalingPool(build, workers, workers + 1, {}, QUIET, program="src/echo/prefork-echo") as pool:
        master = [pool.process.pid]
        cpu, began = processor_time(master), time.monotonic()
        while time.monotonic() < began + scale.idle_seconds:
            with socket.create_connection(pool.address):
                time.sleep(0.02)
        each = (processor_time(master) - cpu) / (time.monotonic() - began) / 10 * 1000
    say(f"a look at the load of {workers} workers: {each:.2f} ms of CPU of the master")
    return Row(f"a look at the load, {workers} workers: CPU of the master", "≤ 2 ms", f"{each:.2f} ms", each <= 2)


def wake_ups(build, scale, say):
    rows = []

    def watch(pool, what):
        # Work left over from the start or the connections is done after a second without a switch, or never.
        for _ in range(5):
            before = context_switches(pool.processes())
            time.sleep(1)
            if context_switches(pool.processes()) == before:
                break
        before = context_switches(pool.processes())
        time.sleep(scale.idle_seconds)
        each = (context_switches(pool.processes()) - before) / scale.idle_seconds
        say(f"wake-ups of an idle pool, {what}: {each:.1f} a second")
        rows.append(Row(f"wake-ups a second of an idle pool, {what}", "0", f"{each:.1f}", each == 0))

    with Pool(build, scale.workers, QUIET) as pool:
        watch(pool, "no connection")
        with held_open(build, pool, scale.spread_connections):
            watch(pool, f"{scale.spread_connections} idle connections")
    return rows


def _call(build, bus, method, *count):
    interface = "org.freedesktop.DBus.ObjectManager" if method == "GetManagedObjects" else "org.preforkd1.Pool"
    return [build / "tests/bench/bench_bus_calls", bus.address, "org.preforkd1.bench", "/org/preforkd1", interface, method, *map(str, count)]


@contextlib.contextmanager
def _flood(build, bus, say):
    """Sends calls without a pause while the block runs."""
    caller = subprocess.Popen(_call(build, bus, "ListWorkers"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield
    finally:
        calls, _ = caller.communicate()
        say(f"calls beside the kills: {calls.strip()}")


def control(build, scale, say):
    rows = []
    with MessageBus() as bus, Pool(build, scale.shown_workers, QUIET, bus=bus.address):
        for method in ("GetManagedObjects", "ListWorkers"):
            run = subprocess.run(_call(build, bus, method, scale.calls), stdout=subprocess.PIPE, text=True, check=True)
            median, most = (float(text) / 1000 for text in run.stdout.split())
            say(f"{method} of {scale.shown_workers} workers: median {median:.2f} ms, longest {most:.2f} ms")
            rows.append(Row(f"{method} of {scale.shown_workers} workers, median", "< 20 ms", f"{median:.1f} ms", median < 20))
    with MessageBus() as bus, Pool(build, scale.workers, "restart.forget_after=1ms", bus=bus.address) as pool:
        def kills():
            workers, times = pool.workers(), []
            for turn in range(scale.kills):
                time.sleep(0.02)
                victim = turn % len(workers)
                workers[victim], took = pool.kill_to_ready(workers[victim])
                times.append(took / 1e6)
            say(f"kill -9 to READY: median {statistics.median(times):.2f} ms")
            return statistics.median(times)

        alone = kills()
        with _flood(build, bus, say):
            flooded = kills()
    rows.append(Row("kill -9 → READY beside calls without a pause, median", "", f"{flooded / alone:.2f} of that without"))
    return rows


def generator(build, scale, say):
    """The time that preforkd-generator adds to a boot, and how much of it is only the start of a program."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(scale.pools):
            config = {"description": f"Pool {number}", "listen": [f"127.0.0.1:{20000 + number}", f"/run/pool{number}.sock"],
                      "program": ["/usr/bin/true"], "workers": 3, "user": "nobody", "limits": {"nofile": 65536}}
            Path(folder, f"pool{number}.json").write_text(json.dumps(config), encoding="utf-8")
        command = [build / "src/generator/preforkd-generator", "--config-folders", folder, Path(folder, "units")]

        def took(command):
            begin = time.monotonic()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            return (time.monotonic() - begin) * 1000

        times = [(took(command), took([command[0], "--version"])) for _ in range(scale.calls)]
    all_pools, bare = (statistics.median(column) for column in zip(*times))
    say(f"generator with {scale.pools} pools: median {all_pools:.1f} ms; a start of it: {bare:.1f} ms")
    what = f"preforkd-generator with {scale.pools} pools, median"
    return [Row(what, "< 50 ms", f"{all_pools:.0f} ms, a bare start {bare:.0f}", all_pools < 50)]
