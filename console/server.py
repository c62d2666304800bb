"""The HTTP server: judge each request by `access`, answer it by `routes`."""

import hashlib
import json
import sys
import traceback
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import SplitResult, parse_qsl, urlsplit

from console import routes
from console.access import Access
from console.routes import PAGE_POLICY, Console, Content, Unknown
from deployer.aws import service_errors
from deployer.errors import Exit, Failure

HOST = "127.0.0.1"
MOST_BYTES = 256 * 1024
"""Of a request's body."""
MOST_DIGITS = 9
IDLE_SECONDS = 60
"""Seconds that a connection waits for its next request."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Server(ThreadingHTTPServer):
    """Listens on 127.0.0.1. Its threads end with the process, also those of open connections."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64  # of 5, a browser tries the others again after a second

    def __init__(self, port: int, token: str, console: Console):
        super().__init__((HOST, port), Handler)
        self.access = Access(token, self.server_address[1])
        self.console = console

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.access.port}/?token={self.access.token}"

    def handle_error(self, request, client_address) -> None:
        """Ignore a browser that goes away; report anything else."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Refused(Exception):
    """The request is answered with this status and reason, and the connection closed: its body may be unread."""

    def __init__(self, status: HTTPStatus, why: str):
        super().__init__(why)
        self.status, self.why = status, why


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "console", ""
    timeout = IDLE_SECONDS

    def _respond(self) -> None:
        try:
            address = self._address()
            fields = self._fields(address.query)
            answer = routes.answer(self.server.console, self.command, address.path, fields)
        except Refused as refused:
            self.close_connection = True
            self._error(refused.status, refused.why)
        except Unknown as unknown:
            allow = {"Allow": ", ".join(unknown.allowed)} if unknown.allowed else {}
            self._error(unknown.status, str(unknown), headers=allow)
        except (ConnectionError, TimeoutError):
            raise  # the browser is gone: handle_error
        except Exception as error:
            self._failed(error)
        else:
            content = answer if isinstance(answer, Content) else _json(answer)
            self._send(HTTPStatus.OK, content, self._session(address.query))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _respond

    def _address(self) -> SplitResult:
        try:
            return urlsplit(self.path)
        except ValueError:
            raise Refused(HTTPStatus.BAD_REQUEST, "the address cannot be read") from None

    def _fields(self, query: str) -> dict:
        """Return the fields of the query, or of the body of a POST. Raises Refused, before it reads a body."""
        why = self.server.access.refusal(self.command, query, self.headers)
        if why:
            raise Refused(HTTPStatus.FORBIDDEN, why)
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "a body needs its Content-Length")
        if len(length) > MOST_DIGITS or int(length) > MOST_BYTES:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have {MOST_BYTES} bytes")
        body = self.rfile.read(int(length))
        if self.command != "POST":
            return dict(parse_qsl(query))
        if self.headers.get_content_type() != "application/json":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a body must be application/json")
        try:
            fields = json.loads(body)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise Refused(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
        return fields

    def _session(self, query: str) -> dict[str, str]:
        """Return the cookie that takes the token's place in the address."""
        access = self.server.access
        if not access.brings_token(query):
            return {}
        return {"Set-Cookie": f"{access.cookie}={access.token}; Path=/; HttpOnly; SameSite=Strict"}

    def _failed(self, error: Exception) -> None:
        failure = error if isinstance(error, Failure) else service_errors.explain(error)
        if failure is None:
            traceback.print_exc()
            self._error(HTTPStatus.INTERNAL_SERVER_ERROR, f"unexpected {type(error).__name__}; see the terminal")
        else:
            status = HTTPStatus.BAD_REQUEST if failure.code == Exit.USAGE else HTTPStatus.BAD_GATEWAY
            self._error(status, failure.message, failure.hint)

    def _error(self, status: HTTPStatus, message: str, hint: str = "", headers: dict[str, str] | None = None) -> None:
        self._send(status, _json({"error": {"message": message, "hint": hint}}), headers or {})

    def _send(self, status: HTTPStatus, content: Content, headers: dict[str, str]) -> None:
        etag = f'"{hashlib.sha256(content.body).hexdigest()[:32]}"'
        if status == HTTPStatus.OK and self.headers.get("If-None-Match") == etag:
            status, content = HTTPStatus.NOT_MODIFIED, Content(content.kind, b"", content.policy)
        self.send_response(status)
        policy = {"Content-Security-Policy": content.policy}
        kind = {"Content-Type": content.kind, "Content-Length": str(len(content.body)), "ETag": etag}
        for name, value in {**_HEADERS, **policy, **kind, **headers}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content.body)

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing: the address of the first request has the token."""


def _json(document: dict) -> Content:
    return Content("application/json", json.dumps(document).encode(), PAGE_POLICY)
