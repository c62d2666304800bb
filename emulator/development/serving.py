"""The part that runs in the emulator."""

import asyncio
import io
import json
import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ministack.core.responses import request_scope
from ministack.services import lambda_svc

from emulator import held
from emulator.development import DEBUG_PATH, START_PATH
from emulator.patches import lambda_runtime
from emulator.patches.lambda_runtime import PythonWorker

_SAME = ("CodeSha256", "Environment", "Handler", "Layers", "Runtime")
_A_DAY = 86_400.0


def around(inner: Callable) -> Callable:
    """Return an ASGI application that serves the two paths."""

    async def app(scope, receive, send):
        path = scope["path"] if scope["type"] == "http" else ""
        if path == START_PATH:
            answer = await asyncio.to_thread(_start, json.loads(await held.body(receive)))
            await _answer(send, answer)
        elif path == DEBUG_PATH:
            await _debug(json.loads(await held.body(receive)), receive, send)
        else:
            await inner(scope, receive, send)

    return app


def _found(references: list[str]) -> dict | None:
    """Return the record of the first function, version or alias that exists."""
    for arn in references:
        _, _, _, region, account, *_ = arn.split(":")
        with request_scope(account, region):
            record, config, _ = lambda_svc._get_func_record_for_ref(arn)
        if record and config:
            return {**record, "config": config}
    return None


def _start(asked: dict) -> dict | None:
    record = _found(asked["references"])
    if not record or record["config"]["FunctionName"] in lambda_runtime.debugged:
        return None
    config = record["config"]
    qualifier = config.get("Version", "$LATEST")
    worker, _ = lambda_svc.acquire_worker(config["FunctionName"], config, record["code_zip"], qualifier=qualifier)
    try:
        return worker.start() if isinstance(worker, PythonWorker) else None
    finally:
        lambda_runtime.release(worker)


class DebuggedWorker(PythonWorker):
    """A worker whose process waits for a debugger before it imports the handler, and which nothing times out."""

    listening = False

    def __init__(self, config: dict, code_zip: bytes, name: str, port: int, debugger: str):
        super().__init__(config["FunctionName"], config, code_zip)
        self.folder = Path(tempfile.gettempdir()) / "debugged" / name
        self.debug = json.dumps({"port": port, "debugger": debugger})

    @property
    def state(self) -> str:
        return "running" if self.ready else "waiting" if self.listening else "starting"

    def look(self) -> dict:
        """Start the process unless it runs; return a report without waiting for the debugger."""
        error = ""
        if self._proc is None or self._proc.poll() is not None:
            error = self._output().strip() if self._proc else ""
            self._spawn()
        elif self.ready is None:
            with suppress(OSError):  # TimeoutError: it has nothing to say yet
                self._note(time.monotonic() + 0.001)
        return {"state": self.state, "error": error}

    def _started(self) -> dict:
        if self._proc is None or self._proc.poll() is not None:
            self._spawn()
        while self.ready is None:
            self._note(time.monotonic() + _A_DAY)
        return self.ready

    def _spawn(self) -> None:
        self.listening = False
        super()._spawn()

    def _note(self, deadline: float) -> None:
        """Read what the process says of itself: that it listens, then that it has imported the handler."""
        said = json.loads(self._line(deadline))
        if "listening" in said:
            self.listening = True
        else:
            self.ready = said

    def close(self) -> None:
        if self._proc:
            self._end()
        self._discard_tmpdir()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _timeout(self) -> float:
        return _A_DAY

    def _code(self) -> Path:
        """At the same place after each update, for the path mapping of the debugger's client."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with zipfile.ZipFile(io.BytesIO(self.code_zip)) as files:
            files.extractall(self.folder)
        return self.folder

    def _environment(self, code: Path) -> dict[str, str]:
        return {**super()._environment(code), "_EMULATOR_DEBUG": self.debug}


class Debugged:
    """One function under a debugger: a single process, which is replaced between two calls when the function changes."""

    def __init__(self, asked: dict):
        self.asked = asked
        self.lock = threading.Lock()
        self.worker: DebuggedWorker | None = None
        self.ended = False
        self.report: dict = {"state": "starting", "error": ""}

    def run(self, config: dict, code_zip: bytes, event: object, request_id: str, trace_id: str | None) -> dict | None:
        """Run a call once those before it are finished; None if the debugging has ended."""
        with self.lock:
            if self.ended:
                return None
            return self._current(config, code_zip).run(event, request_id, trace_id)

    def look(self) -> None:
        """Have a process that runs the current code, unless a call is running; renew the report."""
        if not self.lock.acquire(blocking=False):
            self.report = {"state": self.worker.state if self.worker else "starting", "error": ""}
            return
        try:
            record = None if self.ended else _found(self.asked["references"])
            if record:
                self.report = self._current(record["config"], record["code_zip"]).look()
        finally:
            self.lock.release()

    def end(self) -> None:
        """Kill the process, and with it a call that is running."""
        self.ended = True
        if self.worker and (process := self.worker._proc):
            process.kill()
        with self.lock:
            if self.worker:
                self.worker.close()

    def _current(self, config: dict, code_zip: bytes) -> DebuggedWorker:
        worker = self.worker
        if worker is None or any(worker.config.get(name) != config.get(name) for name in _SAME):
            if worker:
                worker.close()
            asked = self.asked
            worker = DebuggedWorker(config, code_zip, asked["name"], asked["port"], asked["debugger"])
            self.worker = worker
        return worker


async def _debug(asked: dict, receive: Callable, send: Callable) -> None:
    record = _found(asked["references"])
    name = record["config"]["FunctionName"] if record else ""
    session = Debugged(asked)
    lambda_runtime.debugged[name] = session.run
    stop = threading.Event()
    looking = asyncio.get_running_loop().run_in_executor(None, _look, session, stop)
    try:
        await held.serve(receive, send, lambda: session.report)
    finally:
        if lambda_runtime.debugged.get(name) == session.run:  # a later debugging of the function takes its calls over
            del lambda_runtime.debugged[name]
        stop.set()
        await looking
        await asyncio.to_thread(session.end)


def _look(session: Debugged, stop: threading.Event) -> None:
    while not stop.wait(held.REPORT_SECONDS):
        try:
            session.look()
        except Exception as error:  # shown to the client, which may end the debugging
            session.report = {"state": "starting", "error": f"{type(error).__name__}: {error}"}
            time.sleep(1)


async def _answer(send: Callable, document: object) -> None:
    text = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})
