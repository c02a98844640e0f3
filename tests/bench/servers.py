# SPDX-License-Identifier: MIT
"""The programs under measurement, each as a context manager, and what /proc says about them."""

import json
import os
import queue
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

PATIENCE = 30  # seconds: longer than anything here takes, and the end of waiting for what will not come

# The notify sockets of a pool are files: in memory, as in /run, also where /run is on a disk.
ENVIRONMENT = {**os.environ, "XDG_RUNTIME_DIR": "/dev/shm"} if os.path.isdir("/dev/shm") else None


class Failed(Exception):
    pass


class Lines:
    """The lines of a pipe, each with the time (CLOCK_MONOTONIC, nanoseconds) at which it became readable."""

    def __init__(self, pipe):
        self._queue = queue.SimpleQueue()
        self._seen = []
        threading.Thread(target=self._read, args=(pipe.fileno(),), daemon=True).start()

    def _read(self, fd):
        rest = b""
        while data := os.read(fd, 65536):
            now = time.monotonic_ns()
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._queue.put((now, line.decode(errors="replace")))
        self._queue.put(None)

    def wait(self, pattern):
        """(time, match) of the next line that matches the pattern."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                item = self._queue.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                item = None
            if item is None:
                raise Failed(f"no line with {pattern!r}; the last ones: " + " | ".join(self._seen[-5:]))
            self._seen.append(item[1])
            if match := re.search(pattern, item[1]):
                return item[0], match


class Server:
    """A process with workers as its children. Subclasses define its command and the format of its lines."""

    name = ""
    ready_again = ""  # a killed worker's replacement is ready; group 1 is its pid

    def __init__(self, command, output):
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, output: subprocess.PIPE}
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=ENVIRONMENT, **streams)
        self.lines = Lines(getattr(self.process, output))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def workers(self):
        return children(self.process.pid)

    def processes(self):
        return [self.process.pid, *self.workers()]

    def kill_to_ready(self, worker):
        """Kills a worker; returns its replacement's pid and the nanoseconds until it was ready."""
        began = time.monotonic_ns()
        os.kill(worker, signal.SIGKILL)
        ended, match = self.lines.wait(self.ready_again)
        return int(match[1]), ended - began


class Reference(Server):
    name = "reference"

    def __init__(self, build, workers):
        super().__init__([build / "tests/bench/bench_reference", "0", str(workers)], "stdout")
        self.address = "127.0.0.1:" + self.lines.wait(r"^listening on (\d+)$")[1][1]
        for _ in range(workers):
            self.lines.wait(r"^\d+$")


class MessageBus:
    """Our own dbus-daemon, which allows everything to every user."""

    CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:tmpdir=/tmp</listen><policy context="default"><allow own="*"/>
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/></policy></busconfig>"""

    def __enter__(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
            config.write(self.CONFIG)
            config.flush()
            self.process = subprocess.Popen(["dbus-daemon", "--nofork", "--print-address", f"--config-file={config.name}"],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            self.address = Lines(self.process.stdout).wait("^unix:.*")[1][0]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Pool(Server):
    name = "pool"
    ready_again = r"worker \d+ \(pid (\d+), generation \d+\) is ready"

    def __init__(self, build, workers, *settings, bus="none", program="src/echo/prefork-echo"):
        command = [build / "src/master/preforkd", "--listen", "127.0.0.1:0", "--workers", str(workers), "--name", "bench", "--bus", bus]
        for setting in settings:
            command += ["--set", setting]
        super().__init__([*command, "--", build / program], "stderr")
        self.address = self.lines.wait(r"listening on (\S+)")[1][1]
        for _ in range(1 if bus == "none" else 2):  # whichever comes first
            self.lines.wait(rf"{workers}/{workers} workers ready|acquired the bus name")


class ScalingPool(Server):
    """A pool whose load decides about the number of workers."""

    name = "scaling pool"

    def __init__(self, build, least, most, scale, *settings, program):
        workers = json.dumps({"min": least, "max": most, "scale": scale})
        command = [build / "src/master/preforkd", "--listen", "127.0.0.1:0", "--set", "workers=" + workers, "--name", "bench", "--bus", "none"]
        for setting in settings:
            command += ["--set", setting]
        super().__init__([*command, "--", build / program], "stderr")
        host, port = self.lines.wait(r"listening on (\S+)")[1][1].split(":")
        self.address = (host, int(port))
        self.lines.wait(rf"{least}/{least} workers ready")


class KeyValue(Server):
    """A pool with one worker: the example of a server for Redis clients."""

    name = "example_key_value"

    def __init__(self, build):
        admin = {"address": f"@preforkd-bench-{os.getpid()}", "name": "admin"}
        listen = json.dumps(["127.0.0.1:0", admin])
        super().__init__([build / "src/master/preforkd", "--set", "listen=" + listen, "--workers", "1", "--name", "bench", "--bus", "none", "--",
                          build / "src/worker/examples/example_key_value"], "stderr")
        self.port = self.lines.wait(r"listening on 127\.0\.0\.1:(\d+)")[1][1]
        self.lines.wait("1/1 workers ready")


class Redis(Server):
    """Debian's redis-server, which saves nothing. It has no port 0, so a free port is looked for."""

    name = "redis-server"

    def __init__(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = str(free.getsockname()[1])
        super().__init__(["redis-server", "--bind", "127.0.0.1", "--port", self.port, "--save", "", "--appendonly", "no"], "stdout")
        self.lines.wait("Ready to accept connections")


class BareSpawn(Server):
    name = "bare spawn"
    ready_again = r"^ready (\d+)$"

    def __init__(self, build):
        super().__init__([build / "tests/bench/bench_bare_spawn"], "stdout")
        self.lines.wait(self.ready_again)


def children(pid):
    """Those that live: a master reaps what its workers have left a moment later."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split() if lives(child)]


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


def memory(processes):
    """Bytes of memory of these processes; shared memory counts in equal parts (Pss)."""
    total = 0
    for pid in processes:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024
    return total


def processor_time(processes):
    """Seconds of processor time of these processes and their threads."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in processes)  # clock_getcpuclockid(3)


def sockets(pid):
    """The number of sockets that a process has open."""
    count = 0
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(entry.path).startswith("socket:")
        except FileNotFoundError:
            pass
    return count


def context_switches(processes):
    """The number of context switches of these processes: the sum over their threads."""
    total = 0
    for pid in processes:
        for status in Path(f"/proc/{pid}/task").glob("*/status"):
            total += sum(int(count) for count in re.findall(r"ctxt_switches:\s+(\d+)", status.read_text()))
    return total
