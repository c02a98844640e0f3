# SPDX-License-Identifier: MIT
# The program of twisted.json.
import os
import socket

from twisted.internet import defer, reactor, task
from twisted.protocols import policies
from twisted.web import resource, server

GREETING = "hello"
IDLE_SECONDS = 5  # keep-alive timeout
leaving = False


class Hello(resource.Resource):
    isLeaf = True

    def render_GET(self, _):
        return f"{GREETING} from worker {os.environ.get('PREFORK_WORKER', 'of no pool')}\n".encode()


class Request(server.Request):
    def process(self):
        if leaving:
            self.setHeader(b"connection", b"close")
            self.channel.persistent = False
        super().process()


def notify(state):
    """Does the same as sd_notify(3)."""
    if "NOTIFY_SOCKET" in os.environ:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.sendto(state, os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))


@defer.inlineCallbacks
def drain():
    """Stops accepting, and waits until each connection is closed after its next response or when idle."""
    global leaving
    leaving = True
    yield port.stopListening()
    while site.protocols:
        yield task.deferLater(reactor, 0.1)


site = policies.WrappingFactory(server.Site(Hello(), requestFactory=Request, timeout=IDLE_SECONDS))
listener = socket.socket(fileno=3)
listener.setblocking(False)
port = reactor.adoptStreamPort(listener.fileno(), listener.family, site)
reactor.addSystemEventTrigger("before", "shutdown", drain)
reactor.callWhenRunning(notify, b"READY=1")
reactor.run()
