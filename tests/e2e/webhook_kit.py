"""Partners with endpoints: a queue, and the receiver of examples/webhook.py as a process."""

import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.e2e.support import ROOT, Deployment
from tests.waiting import HANGS


@dataclass
class Receiver:
    """A running receiver. `url` is where it listens."""

    process: subprocess.Popen
    lines: "queue.Queue[str]" = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()
        self.url = self.line().rpartition(" ")[2]

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def line(self) -> str:
        """The next line that it prints."""
        return self.lines.get(timeout=HANGS)


@contextmanager
def receiver(deployment: Deployment) -> Iterator[Receiver]:
    command = [sys.executable, "examples/webhook.py", deployment.outputs["OrderEventsTopicArn"], "--port", "0"]
    command += ["--emulator", deployment.outputs["EndpointUrl"]]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield Receiver(process)
    finally:
        process.kill()
        process.wait()
