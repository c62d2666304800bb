"""Run a session of the handlers in a process of its own, and read everything it writes."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def output_of(session: str, **variables: str) -> tuple[str, list[dict]]:
    """(stdout and stderr as one text, stdout's JSON lines) of a module of this folder at log level DEBUG."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "POWERTOOLS_LOG_LEVEL": "DEBUG",
        "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
        "TABLE_NAME": "orders-test",
        "API_CONFIG_PARAMETER": "/food-delivery/test/api-config",
        "FEATURE_FLAGS_PARAMETER": "/food-delivery/test/feature-flags",
        "ORDER_TTL_DAYS": "90",
        **variables,
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
