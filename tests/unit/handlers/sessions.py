"""Run a session of the handlers in a separate process, and read all its output."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
SESSIONS = ("session_of_requests", "session_of_batches", "session_of_imports")
TRACE = "1-5759e988-bd862e3fe1be46a994272793"
_QUEUES = "https://sqs.us-east-1.amazonaws.com/123456789012"


class Sample(NamedTuple):
    """The values of one metric with one set of dimensions in one EMF document."""

    name: str
    unit: str
    dimensions: dict[str, str]
    values: list[float]
    namespace: str


@cache
def output_of(session: str) -> tuple[str, list[dict]]:
    """Run a module of this folder at log level DEBUG. Return (stdout and stderr as one text, stdout's JSON lines)."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "POWERTOOLS_LOG_LEVEL": "DEBUG",
        "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
        "TABLE_NAME": "orders-test",
        "API_CONFIG_PARAMETER": "/food-delivery/test/api-config",
        "FEATURE_FLAGS_PARAMETER": "/food-delivery/test/feature-flags",
        "ORDER_TTL_DAYS": "90",
        "ORDER_QUEUE_URL": f"{_QUEUES}/orders",
        "ORDER_DEAD_LETTER_QUEUE_URL": f"{_QUEUES}/dead-letters",
        "ORDER_EVENTS_DEAD_LETTER_QUEUE_URL": f"{_QUEUES}/unannounced",
        "ORDER_EVENTS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:order-events",
        "_X_AMZN_TRACE_ID": f"Root={TRACE};Sampled=1",
    }
    # As Lambda's bootstrap does: a root handler, at the level of the function.
    program = (
        "import logging, runpy; logging.basicConfig(level=logging.DEBUG);"
        f"runpy.run_module('tests.unit.handlers.{session}', run_name='__main__')"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    return finished.stdout + finished.stderr, [json.loads(line) for line in finished.stdout.splitlines()]


def documents(lines: Iterable[dict]) -> list[dict]:
    """Return those of `lines` that are EMF."""
    return [line for line in lines if "_aws" in line]


def samples(lines: Iterable[dict]) -> Iterator[Sample]:
    """Yield the samples that CloudWatch reads from `lines`."""
    for document in documents(lines):
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                for metric in directive["Metrics"]:
                    values = document[metric["Name"]]
                    yield Sample(
                        metric["Name"],
                        metric["Unit"],
                        {name: document[name] for name in names},
                        values if isinstance(values, list) else [values],
                        directive["Namespace"],
                    )


def totals(lines: Iterable[dict], *dimensions: str) -> dict[tuple[str, ...], float]:
    """Return the sum of each metric written with Environment and `dimensions`, by its name and their values."""
    sums: dict[tuple[str, ...], float] = {}
    for sample in samples(lines):
        if sample.dimensions.keys() == {"Environment", *dimensions}:
            key = (sample.name, *(sample.dimensions[name] for name in dimensions))
            sums[key] = sums.get(key, 0) + sum(sample.values)
    return sums
