"""`deploy.py --watch` as a process whose output a test reads, and a client of the Debug Adapter Protocol."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.support import ROOT, Deployment, interruptible
from tests.waiting import HANGS, eventually


class Watching:
    """`lines`: what it has written so far."""

    def __init__(self, project: Path, deployment: Deployment, *arguments: str):
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "deploy.py", "--env", "dev", "--local", "--watch", *arguments],
            cwd=project,
            env={
                **os.environ,
                "FOOD_DELIVERY_LOCAL_DIR": str(deployment.local_dir),
                "FOOD_DELIVERY_CACHE_DIR": str(ROOT / ".local"),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=interruptible,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def said(self, text: str, since: int = 0) -> str:
        """Wait for a line with this text, after the first `since` lines, and return it."""

        def found() -> str:
            assert self.process.poll() is None or text in self.text, f"the watch ended without {text!r}:\n{self.text}"
            return next((line for line in self.lines[since:] if text in line), "")

        return eventually(found, f"{text!r} in the watch's output")

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(HANGS)


@contextmanager
def watching(project: Path, deployment: Deployment, *arguments: str) -> Iterator[Watching]:
    watch = Watching(project, deployment, *arguments)
    try:
        watch.said("until Ctrl-C")
        yield watch
    finally:
        if watch.process.poll() is None:
            watch.process.kill()
            watch.process.wait()


class DebugClient:
    """Speaks the Debug Adapter Protocol: a header with the length, then JSON."""

    def __init__(self, host: str, port: int):
        self.socket = socket.create_connection((host, port), timeout=HANGS)
        self.file = self.socket.makefile("rb")
        self.numbers = itertools.count(1)
        self.events: list[dict] = []

    def send(self, command: str, **arguments) -> int:
        number = next(self.numbers)
        text = json.dumps({"seq": number, "type": "request", "command": command, "arguments": arguments}).encode()
        self.socket.sendall(b"Content-Length: %d\r\n\r\n" % len(text) + text)
        return number

    def ask(self, command: str, **arguments) -> dict:
        number = self.send(command, **arguments)
        answer = self._until(lambda message: message["type"] == "response" and message["request_seq"] == number)
        assert answer["success"], answer
        return answer.get("body") or {}

    def event(self, name: str) -> dict:
        """Return the next event of this name, which may have come before an answer."""

        def wanted(message: dict) -> bool:
            return message["type"] == "event" and message["event"] == name

        known = next(filter(wanted, self.events), None)
        if known:
            self.events.remove(known)
        return (known or self._until(wanted)).get("body") or {}

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def _until(self, wanted: Callable[[dict], bool]) -> dict:
        while not wanted(message := self._message()):
            if message["type"] == "event":
                self.events.append(message)
        return message

    def _message(self) -> dict:
        length = 0
        while line := self.file.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return json.loads(self.file.read(length))
