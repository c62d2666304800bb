"""Write every request that locust sends to the file SAMPLES, in the order of benchmarks.load.summary.Sample.

A locustfile without users, beside the one that has them.
"""

import json
import os
import time
from pathlib import Path

from locust import events

samples: list[tuple[float, str, float, int, str | None]] = []
began = 0.0


@events.test_start.add_listener
def begin(**_: object) -> None:
    global began
    began = time.time()


@events.request.add_listener
def record(
    request_type: str,
    name: str,
    start_time: float,
    response_time: float,
    response: object,
    exception: Exception | None,
    **_: object,
) -> None:
    status = getattr(response, "status_code", 0) or 0
    error = str(exception) if exception else None
    samples.append((start_time - began, f"{request_type} {name}", response_time, status, error))


@events.quitting.add_listener
def write(**_: object) -> None:
    Path(os.environ["SAMPLES"]).write_text(json.dumps(samples))
