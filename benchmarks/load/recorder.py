"""End locust SECONDS after it sends, and write its requests to the file SAMPLES, as benchmarks.load.summary.Sample.

A locustfile without users, beside the one that has them. locust's own --run-time counts from before it sends.
"""

import json
import os
import time
from pathlib import Path

import gevent
from locust import events
from locust.env import Environment

samples: list[tuple[float, str, float, int, str | None]] = []
began = 0.0


@events.test_start.add_listener
def begin(environment: Environment, **_: object) -> None:
    global began
    began = time.time()
    gevent.spawn_later(float(os.environ["SECONDS"]), environment.runner.quit)


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
