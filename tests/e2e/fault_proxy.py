"""An endpoint between a function and the emulator that can fail, or hold requests back, on demand.

A function is pointed at it with AWS_ENDPOINT_URL_<SERVICE>, the SDK's own variable, so what
meets the fault is the real handler with its real client.
"""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.waiting import HANGS


class Faults:
    """`mode`: "" passes requests on, "twice" does so twice, "500" and "throttle" answer so, "drop" hangs up, "lost"
    passes on and hangs up.

    `held` is an event: while it is clear, requests wait. `seen` counts requests by operation.
    """

    def __init__(self) -> None:
        self.mode = ""
        self.held = threading.Event()
        self.held.set()
        self.waiting = 0
        self.seen = 0
        self.url = ""


def _handler(faults: Faults, upstream: str):
    target = urlsplit(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            faults.seen += 1
            faults.waiting += 1
            faults.held.wait()
            faults.waiting -= 1
            if faults.mode == "drop":
                self._hang_up()
            elif faults.mode == "lost":
                self._passed_on(body)
                self._hang_up()
            elif faults.mode == "500":
                self._answer(500, b'{"__type":"InternalServerError"}')
            elif faults.mode == "throttle":
                self._answer(400, b'{"__type":"com.amazonaws#ProvisionedThroughputExceededException"}')
            else:
                for _ in range(2 if faults.mode == "twice" else 1):
                    response = self._passed_on(body)
                self._answer(*response)

        def _hang_up(self) -> None:
            self.close_connection = True
            self.connection.close()

        def _passed_on(self, body: bytes) -> tuple[int, bytes, str | None]:
            connection = http.client.HTTPConnection(target.hostname, target.port, timeout=HANGS)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "expect")}
            connection.request("POST", self.path, body, headers)
            response = connection.getresponse()
            content = response.read()
            connection.close()
            return response.status, content, response.getheader("Content-Type")

        def _answer(self, status: int, content: bytes, kind: str | None = "application/x-amz-json-1.0") -> None:
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind or "application/octet-stream")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # the function died meanwhile, which is what some tests want

    return Handler


@contextmanager
def faulty(upstream: str) -> Iterator[Faults]:
    """A proxy to `upstream` on a free port of the loopback."""
    faults = Faults()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(faults, upstream))
    server.daemon_threads = True
    faults.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield faults
    finally:
        faults.held.set()
        server.shutdown()
        server.server_close()
