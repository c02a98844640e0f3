# SPDX-License-Identifier: MIT
"""prefork-client --bench and redis-benchmark as functions."""

import contextlib
import csv
import json
import signal
import subprocess

from servers import PATIENCE, Failed, processor_time


def _command(build, server, *options):
    return [build / "src/client/prefork-client", "--bench", "--json", *map(str, options), server.address]


def _result(text, status, server):
    result = json.loads(text.splitlines()[-1]) if text else {}
    if status != 0:
        raise Failed(f"{server.name}: the client failed with status {status}: {result.get('failures', 'no result')}")
    return result


def bench(build, server, *options):
    """Runs to its end and returns the client's result, which has the processor time of the whole server."""
    processes = ",".join(map(str, server.processes()))
    done = subprocess.run(_command(build, server, "--cpu-of", processes, *options), stdout=subprocess.PIPE, text=True)
    return _result(done.stdout, done.returncode, server)


@contextlib.contextmanager
def held_open(build, server, connections):
    """Holds idle connections, each answered once, while the block runs. Fails if the server closes one."""
    client = subprocess.Popen(_command(build, server, "--open", connections), stdout=subprocess.PIPE, text=True)
    try:
        if client.stdout.readline() != f"holding {connections} connections\n":
            raise Failed(f"{server.name}: could not open {connections} connections: {client.stdout.read()}")
        yield
    finally:
        client.send_signal(signal.SIGTERM)
        rest, _ = client.communicate(timeout=PATIENCE)
    _result(rest, client.returncode, server)


def redis_bench(server, requests, connections, depth):
    """SET and GET, so many of each: requests per second, and microseconds of the server's processor time per request."""
    processes = server.processes()
    before = processor_time(processes)
    done = subprocess.run(["redis-benchmark", "-p", server.port, "-n", str(requests), "-c", str(connections), "-P", str(depth),
                           "-t", "set,get", "--csv"], stdout=subprocess.PIPE, text=True, check=True)
    cpu = processor_time(processes) - before
    rates = [float(row["rps"]) for row in csv.DictReader(done.stdout.splitlines())]
    if len(rates) != 2:
        raise Failed(f"{server.name}: redis-benchmark: {done.stdout.strip()}")
    return 2 / sum(1 / rate for rate in rates), cpu * 1e6 / (2 * requests)
