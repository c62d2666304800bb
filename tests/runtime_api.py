"""Run functions by AWS's own runtime client instead of ``emulator/lambda_worker.py``.

The emulator starts this script in its place (``EMULATOR_WORKER_SCRIPT``), with the same socket. The process becomes
``python -m awslambdaric``; a child serves it the Lambda Runtime API on the loopback interface. The function's files and
its layers' are read-only, and nothing else is on its path but the packages of AWS's runtime.
"""

import ctypes
import json
import os
import queue
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RESPONSE_LIMIT = 6_291_556  # bytes that AWS lets a synchronous function return
TOO_LARGE = {
    "errorType": "Function.ResponseSizeTooLarge",
    "errorMessage": f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).",
}
PREFIX = "/2018-06-01/runtime"
OUTCOME = re.compile(rf"{PREFIX}/invocation/(?P<id>[^/]+)/(?P<outcome>response|error)")
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


@contextmanager
def by_awslambdaric() -> Iterator[None]:
    """Emulators started within this context run functions by awslambdaric."""
    os.environ["EMULATOR_WORKER_SCRIPT"] = __file__
    try:
        yield
    finally:
        del os.environ["EMULATOR_WORKER_SCRIPT"]


class RuntimeApi(ThreadingHTTPServer):
    """The Runtime API of one process: it gives out the emulator's calls, one at a time, and takes their outcomes."""

    daemon_threads = True

    def __init__(self, channel: socket.socket):
        super().__init__(("127.0.0.1", 0), Exchange)
        self.channel = channel
        self.calls: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.current: dict = {}
        self.is_ready = False
        self.error: dict | None = None  # of the initialisation
        self.reported = threading.Event()  # that error

    def answer(self, document: dict) -> None:
        self.channel.sendall(json.dumps(document).encode() + b"\n")

    def next(self) -> dict:
        if not self.is_ready:
            self.is_ready = True
            self.answer({"ready": True})
        self.current = json.loads(self.calls.get())
        return self.current

    def report(self) -> None:
        """Answer the first call with the error of the initialisation."""
        self.answer({"ready": False})
        self.calls.get()
        self.answer({"error": self.error, "ended": True})
        self.reported.set()

    def receive(self, process: int) -> None:
        """Queue the calls. End with the emulator, even during a call."""
        for line in self.channel.makefile("rb"):
            self.calls.put(line)
        if os.getppid() == process:
            os.kill(process, signal.SIGKILL)
        os._exit(0)


class Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body of an answer in one segment: the client is not slowed by delayed acknowledgements
    server: RuntimeApi

    def do_GET(self) -> None:
        if self.path != f"{PREFIX}/invocation/next":
            return self._answer(HTTPStatus.NOT_FOUND)
        call = self.server.next()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": call["request_id"],
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + call["timeout"]) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": call["function_arn"],
            **({"Lambda-Runtime-Trace-Id": call["trace_id"]} if call["trace_id"] else {}),
        }
        self._answer(HTTPStatus.OK, json.dumps(call["event"]).encode(), headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        found = OUTCOME.fullmatch(self.path)
        if self.path == f"{PREFIX}/init/error" and self.headers["Lambda-Runtime-Function-Error-Type"]:
            self.server.error = json.loads(body)
            threading.Thread(target=self.server.report).start()
        elif not found or found["id"] != self.server.current.get("request_id"):
            return self._answer(HTTPStatus.BAD_REQUEST)
        elif found["outcome"] == "error":
            self.server.answer({"error": json.loads(body)})
        elif len(body) > RESPONSE_LIMIT:
            self.server.answer({"error": TOO_LARGE, "ended": True})  # the client raises
            return self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            self.server.answer({"result": json.loads(body)})
        self._answer(HTTPStatus.ACCEPTED, b'{"status":"OK"}')

    def _answer(self, status: HTTPStatus, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing: standard output and error are the function's log."""


def serve(api: RuntimeApi, process: int, lifeline: int) -> None:
    """Serve until the process has ended, of which the end of `lifeline` is the sign."""
    threading.Thread(target=api.serve_forever, daemon=True).start()
    threading.Thread(target=api.receive, args=(process,), daemon=True).start()
    os.read(lifeline, 1)
    if api.error:
        api.reported.wait()
    os._exit(0)


def lock(folder: Path) -> None:
    """Make a folder read-only, for root too: without CAP_DAC_OVERRIDE the mode of a file binds it."""
    if folder.stat().st_mode & 0o222:
        for path in (*folder.rglob("*"), folder):
            path.chmod(path.stat().st_mode & ~0o222)


def become_the_runtime(address: str) -> None:
    environment = dict(os.environ)
    paths = environment.pop("_EMULATOR_PATH").split(os.pathsep)
    for folder in paths:
        if folder != environment["LAMBDA_RUNTIME_DIR"]:
            lock(Path(folder))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)
    environment |= {"AWS_LAMBDA_RUNTIME_API": address, "PYTHONPATH": os.pathsep.join(paths[1:])}
    command = [sys.executable, "-S", "-s", "-X", "utf8", "-m", "awslambdaric", environment["_HANDLER"]]
    os.execve(sys.executable, command, environment)


def main(channel: socket.socket) -> None:
    api = RuntimeApi(channel)
    process = os.getpid()
    lifeline, held = os.pipe()
    if os.fork() == 0:
        os.close(held)
        serve(api, process, lifeline)
    os.set_inheritable(held, True)
    channel.close()
    become_the_runtime(f"127.0.0.1:{api.server_port}")


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
