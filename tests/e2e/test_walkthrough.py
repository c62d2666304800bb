"""The curl walk-through of examples/ does what its comments say."""

import os
import subprocess
import sys

import pytest

from tests.e2e.support import ROOT
from tests.waiting import HANGS

pytestmark = pytest.mark.e2e


def walk(outputs_file, **environment):
    return subprocess.run(
        [ROOT / "examples" / "walkthrough.sh", outputs_file],
        env={**os.environ, "PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
        timeout=HANGS,
    )


def test_the_walkthrough_places_reads_updates_and_lists_an_order(deployment):
    done = walk(deployment.local_dir / "outputs.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"totalAmount":109.97' in done.stdout
    assert "still " in done.stdout
    assert '"status":"processing"' in done.stdout
    assert '"count":' in done.stdout
    assert '"invalid_request"' in done.stdout


def test_the_last_curl_line_works_unchanged(deployment):
    done = walk(deployment.local_dir / "outputs.json")
    line = next(line for line in done.stdout.splitlines() if line.startswith("curl "))
    answer = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=HANGS)
    assert '"status":"pending"' in answer.stdout


def test_the_walkthrough_stops_at_the_first_failure(deployment):
    done = walk(deployment.local_dir / "outputs.json", API_KEY="wrong")
    assert done.returncode != 0
    assert "forbidden" in done.stderr


@pytest.mark.parametrize("example", ["order.json", "order-two-items.json"])
def test_every_example_order_is_accepted(api, example):
    answer = api.post("/orders", content=(ROOT / "examples" / example).read_bytes())
    assert answer.status_code == 201, answer.text
