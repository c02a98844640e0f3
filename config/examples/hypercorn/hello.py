# SPDX-License-Identifier: MIT
# The program of hypercorn.json: hypercorn as a library, because its command line loses requests on shutdown.
import asyncio
import os
import signal
import socket

from hypercorn.asyncio import serve
from hypercorn.config import Config

GREETING = "hello"
IDLE_SECONDS = 5  # keep-alive timeout
leaving = False


def notify(state):
    """Does the same as sd_notify(3)."""
    if "NOTIFY_SOCKET" in os.environ:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.sendto(state, os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))


async def application(scope, receive, send):
    await receive()  # the request body; without this hypercorn would close the connection
    if scope["type"] == "lifespan":
        await send({"type": "lifespan.startup.complete"})
        notify(b"READY=1")
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = f"{GREETING} from worker {os.environ.get('PREFORK_WORKER', 'of no pool')}\n".encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    if leaving:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def told_to_leave():
    """Returns when hypercorn may close its connections."""
    global leaving
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    await told.wait()
    leaving = True
    loop.remove_reader(3)
    await asyncio.sleep(IDLE_SECONDS + 1)


config = Config()
config.bind = ["fd://3"]
config.backlog = 4096
config.keep_alive_timeout = IDLE_SECONDS
config.graceful_timeout = 20
asyncio.run(serve(application, config, shutdown_trigger=told_to_leave))
