# SPDX-License-Identifier: MIT
# The program of uvicorn.json: uvicorn as a library, because its command line loses requests on shutdown.
import asyncio
import os
import socket

import uvicorn

GREETING = "hello"
IDLE_SECONDS = 5  # keep-alive timeout
leaving = False


def notify(state):
    """Does the same as sd_notify(3)."""
    if "NOTIFY_SOCKET" in os.environ:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.sendto(state, os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))


async def application(scope, receive, send):
    await receive()
    if scope["type"] == "lifespan":
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = f"{GREETING} from worker {os.environ.get('PREFORK_WORKER', 'of no pool')}\n".encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    if leaving:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        notify(b"READY=1")

    async def shutdown(self, sockets=None):
        """Stops accepting. Connections close after their next response or when idle; then uvicorn closes the rest."""
        global leaving
        leaving = True
        loop = asyncio.get_running_loop()
        for listener in [listener for server in self.servers for listener in server.sockets]:
            loop.remove_reader(listener.fileno())
        end = loop.time() + IDLE_SECONDS + 1
        await asyncio.sleep(0.1)
        while self.server_state.connections and loop.time() < end:
            await asyncio.sleep(0.1)
        await super().shutdown(sockets)


config = uvicorn.Config(application, backlog=4096, loop="asyncio", timeout_keep_alive=IDLE_SECONDS, access_log=False)
Server(config).run(sockets=[socket.socket(fileno=3)])
