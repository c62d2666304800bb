"""A server that answers as GitHub's API does about the comments of a pull request."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

LIMIT = 65_536
"""Characters of a comment that GitHub accepts."""


class GitHub:
    """The comments of one pull request. `faults`: status codes, "lost" (written, not answered) or "reset", in order."""

    def __init__(self):
        self.comments, self.faults, self.requests = [], [], []

    def say(self, body: str, kind: str = "Bot") -> None:
        self.comments.append({"id": len(self.comments) + 1, "body": body, "user": {"type": kind}})

    def answer(self, method: str, path: str, document: dict | None) -> tuple[int, object]:
        url = urlsplit(path)
        if document and len(document["body"]) > LIMIT:
            return 422, {"message": f"body is too long (maximum is {LIMIT} characters)"}
        match method, url.path.removeprefix("/repos/an/app/issues/").split("/"):
            case "GET", ["7", "comments"]:
                asked = {key: int(value) for key, [value] in parse_qs(url.query).items()}
                start = asked["per_page"] * (asked["page"] - 1)
                return 200, self.comments[start : start + asked["per_page"]]
            case "POST", ["7", "comments"]:
                self.say(document["body"])
                return 201, self.comments[-1]
            case "PATCH", ["comments", number]:
                self.comments[int(number) - 1]["body"] = document["body"]
                return 200, self.comments[int(number) - 1]
        return 404, {"message": "Not Found"}


@contextmanager
def serving(github):
    class Handler(BaseHTTPRequestHandler):
        def _handle(self):
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            github.requests.append((self.command, self.headers["authorization"]))
            fault = github.faults.pop(0) if github.faults else 0
            if fault == "reset":
                return
            status, document = (
                (fault, {})
                if isinstance(fault, int) and fault
                else github.answer(self.command, self.path, json.loads(content) if content else None)
            )
            if fault == "lost":
                return
            answer = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PATCH = _handle

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    github.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()


def variables(github: GitHub) -> dict[str, str]:
    """Return what the runner sets for every step, and our workflow for a comment."""
    return {
        "GITHUB_API_URL": github.url,
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "an/app",
        "GITHUB_RUN_ID": "42",
        "GITHUB_TOKEN": "t0ken",
        "PULL_REQUEST": "7",
        "COMMENT_RETRY_SECONDS": "0",
    }
