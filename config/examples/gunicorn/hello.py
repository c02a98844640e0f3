# SPDX-License-Identifier: MIT
# The application of gunicorn.json.
import os

GREETING = "hello"


def application(_, start_response):
    body = f"{GREETING} from worker {os.environ.get('PREFORK_WORKER', 'of no pool')}\n".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
