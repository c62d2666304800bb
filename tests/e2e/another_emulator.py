"""An emulator other than the project's: HTTPS on loopback, with limits, and without some operations.

It is a proxy before the local emulator. AWS's own emulator has this form: it answers 501 for what it does not
implement, and refuses objects above 64 MiB a bucket and messages above 1,000 a queue.
"""

import http.client
import json
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import trustme

from tests.waiting import HANGS

BUCKET_BYTES, MESSAGES = 64 * 2**20, 1_000
_HOP_BY_HOP = {"connection", "expect", "keep-alive", "transfer-encoding"}


@dataclass
class Emulator:
    """`missing`: operations that are answered with 501. `bucket_bytes`, `messages`: the limits.

    `stored`: bytes by bucket. `sent`: messages, counted as if none was ever received. `seen`: calls by operation.
    """

    ca_bundle: Path
    missing: set[str] = field(default_factory=set)
    bucket_bytes: int = BUCKET_BYTES
    messages: int = MESSAGES
    sent: int = 0
    stored: Counter = field(default_factory=Counter)
    seen: Counter = field(default_factory=Counter)
    url: str = ""


def operation(method: str, path: str, headers, body: bytes) -> str:
    """Return `DescribeStacks`, from the target or the form; for REST protocols, `GET /account`."""
    if target := headers.get("x-amz-target"):
        return target.rpartition(".")[2]
    if "x-www-form-urlencoded" in (headers.get("content-type") or ""):
        return parse_qs(body.decode()).get("Action", [""])[0]
    return f"{method} {urlsplit(path).path.rstrip('/')}"


def _handler(emulator: Emulator, upstream: str):
    target = urlsplit(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def handle(self):
            with suppress(OSError):  # a client that does not trust the certificate hangs up
                super().handle()

        def _any(self):
            body = self._body()
            name = operation(self.command, self.path, self.headers, body)
            emulator.seen[name] += 1
            if name in emulator.missing:
                return self._answer(501, b'{"__type":"NotImplemented","message":"not yet"}', {})
            if self._is_full(body):
                text = b"<Error><Code>QuotaExceeded</Code><Message>the bucket is full</Message></Error>"
                return self._answer(400, text, {"Content-Type": "application/xml"})
            if name in ("SendMessage", "SendMessageBatch"):
                count = len(json.loads(body).get("Entries", [None]))
                if emulator.sent + count > emulator.messages:
                    return self._answer(400, b'{"__type":"QuotaExceeded","message":"the queue is full"}', {})
                emulator.sent += count
            return self._answer(*self._passed_on(body))

        def _body(self) -> bytes:
            """Over HTTPS, clients of S3 send chunks, and the checksum after the last one."""
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers["Content-Length"] or 0))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _any

        def _is_full(self, body: bytes) -> bool:
            """Count the bytes put into a bucket; S3 is the service of the signature."""
            if self.command != "PUT" or "/s3/aws4_request" not in self.headers.get("Authorization", ""):
                return False
            bucket = self.path.split("/")[1]
            if emulator.stored[bucket] + len(body) > emulator.bucket_bytes:
                return True
            emulator.stored[bucket] += len(body)
            return False

        def _passed_on(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
            connection = http.client.HTTPConnection(target.hostname, target.port, timeout=HANGS)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            content = response.read()
            connection.close()
            kept = {name: value for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP}
            return response.status, content, kept

        def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    return Handler


@contextmanager
def serving(upstream: str, directory: Path, address: str = "127.0.0.1") -> Iterator[Emulator]:
    """Serve `upstream` by HTTPS on a free port of the loopback, with a certificate of an authority whose file is `ca_bundle`."""
    authority = trustme.CA()
    emulator = Emulator(directory / "ca.pem")
    authority.cert_pem.write_to_path(emulator.ca_bundle)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1", "::1").configure_cert(context)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

        def handle_error(self, *_):
            pass

    server = Server((address, 0), _handler(emulator, upstream))
    # handshakes in the connection's own thread: a client that waits does not hold up the others
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    host = "[::1]" if ":" in address else "localhost"
    emulator.url = f"https://{host}:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield emulator
    finally:
        server.shutdown()
        server.server_close()
