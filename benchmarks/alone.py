"""Run a handler on events in a separate process, as Lambda does: `python -m benchmarks.alone HANDLER <events`.

Prints, as JSON, a document for each event: its answer, the calls it made by operation, its seconds and its seconds of
processor time; and the peak memory of the process after it.
"""

import contextlib
import importlib
import io
import json
import os
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace

from benchmarks.measure import ROOT
from handlers import clients

STOP = "stop_after_seconds"
"""Key of an event: from then on the function has no time left."""


@dataclass(frozen=True)
class Run:
    answer: dict | None
    calls: dict[str, int]
    seconds: float
    processor: float
    megabytes: float


def run(handler: str, events: Sequence[dict], variables: dict[str, str]) -> list[Run]:
    """Call the handler of a module in handlers/ with each event, in one new process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.alone", handler],
        cwd=ROOT,
        env={**os.environ, **variables},
        input=json.dumps(events),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{handler} failed: {done.stderr.strip()[-500:]}")
    return [Run(**each) for each in json.loads(done.stdout)]


class _Context:
    aws_request_id = "benchmark"
    invoked_function_arn = function_name = "benchmark"

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round((self._end - time.monotonic()) * 1000))


def main(handler: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()):  # logs and metrics
        runs = _runs(handler, json.load(sys.stdin))
    print(json.dumps([asdict(run) for run in runs]))


def _runs(name: str, events: list[dict]) -> list[Run]:
    calls: Counter[str] = Counter()
    # Before the handler is imported: a client has the hooks that its session had when it was created.
    clients._session().register("before-call", lambda model, **_: calls.update([model.name]))
    clients._session().register("before-call.lambda.Invoke", lambda **_: (SimpleNamespace(status_code=202), {}))
    handler = importlib.import_module(f"handlers.{name}").handler
    runs = []
    for event in events:
        context = _Context(event.pop(STOP, 900))
        calls.clear()
        started, processor = time.perf_counter(), time.process_time()
        answer = handler(event, context)
        seconds, processor = time.perf_counter() - started, time.process_time() - processor
        runs.append(Run(answer, dict(calls), seconds, processor, _peak()))
    return runs


def _peak() -> float:
    """Megabytes. VmHWM where there is one: ru_maxrss is inherited from the parent on Linux."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


if __name__ == "__main__":
    main(*sys.argv[1:])
