"""When alarms are looked at, and that what is recorded for them stays."""

import json
import subprocess
import sys
import time

import pytest

from tests.emulator.checks.alarms import alarm, state, watching
from tests.emulator.checks.common import with_function
from tests.emulator.testkit import template

# In a process of its own, since a patch stays applied.
PROGRAM = """
import json, sys, time
from pathlib import Path
from emulator import registry, server

server.configure(1, Path(sys.argv[1]), iam=False)
registry.apply(registry.left_out())

from ministack.services import cloudwatch
from emulator.patches.service_metrics import record

def points(name):
    return cloudwatch._metric_bucket(("shop", name, ""))

now = time.time()
beginning, old = points("beginning"), points("old")
old += [{"Timestamp": now - age, "Value": 1.0} for age in (15 * 86400, 15 * 86400, 60)]
cloudwatch._evict_old_metrics()
beginning.append({"Timestamp": now, "Value": 1.0})  # as a thread does that found the metric before
for _ in range(3):
    record("shop", "counted", 2, "Count", {})
print(json.dumps({
    "kept": len(points("beginning")),
    "old": len(points("old")),
    "statistics": cloudwatch._calc_stats(points("counted")),
}))
"""


@pytest.mark.parametrize("without", ["", "metric_retention"])
def test_nothing_is_lost_of_a_metric_that_is_recorded_while_another_is_asked_for(
    tmp_path, monkeypatch: pytest.MonkeyPatch, without: str
) -> None:
    monkeypatch.setenv("EMULATOR_WITHOUT_PATCHES", without)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["old"] == 1
    assert found["statistics"] == {"SampleCount": 3, "Sum": 6, "Average": 2, "Minimum": 2, "Maximum": 2}
    assert (found["kept"] == 1) is not bool(without), "if it is kept without the patch, delete the patch"


# In an emulator of its own: whoever puts a metric has all alarms looked at.
@pytest.mark.parametrize("without", ["", "alarm_clock"])
def test_an_alarm_on_a_metric_of_aws_rings_although_nobody_puts_one(start, without: str) -> None:
    aws = start(without=without)
    made = with_function(aws, "failing", "def handler(event, context):\n    raise ValueError()\n")
    aws.deployed(
        "alarm", template({"A": alarm(AlarmName="errors", **watching("AWS/Lambda", "Errors", FunctionName=made))})
    )
    aws.invoke(made)
    deadline = time.monotonic() + 3
    while (rang := state(aws, "errors") == "ALARM") is False and time.monotonic() < deadline:
        time.sleep(0.1)
    assert rang is not bool(without), "if it rings without the patch, delete the patch"
