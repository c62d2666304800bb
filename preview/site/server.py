"""Serve the built site on this machine, with the local deployments that the API reference can try."""

from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LoadScript = Callable[[], bytes]
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src http: https:; frame-src 'self'; base-uri 'none'; form-action 'none'"
)
"""Pages load nothing from elsewhere; a tried request goes wherever its sender chooses. Swagger UI styles inline."""


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments, load_deployment: LoadScript, **options) -> None:
        self.load_deployment = load_deployment
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/deployment.js":
            return super().do_GET()
        script = self.load_deployment()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript; charset=utf-8")
        self.send_header("Content-Length", str(len(script)))
        self.end_headers()
        self.wfile.write(script)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep quiet."""


def create(site: Path, load_deployment: LoadScript) -> ThreadingHTTPServer:
    """Return a server on a free port of 127.0.0.1; each call of /deployment.js calls `load_deployment`."""
    return ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(_Handler, directory=str(site), load_deployment=load_deployment)
    )


def serve(server: ThreadingHTTPServer) -> None:
    """Print the URL and serve until an interruption, which is raised."""
    with server:
        print(f"The documents are at  http://127.0.0.1:{server.server_port}/  (Ctrl-C stops)", flush=True)
        server.serve_forever()
