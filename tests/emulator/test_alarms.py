"""When alarms are evaluated, and the retention of their metrics."""

import json
import subprocess
import sys

import pytest

# In a separate process, since a patch stays applied.
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
beginning.append({"Timestamp": now, "Value": 1.0})  # as does a thread that looked the metric up before
for _ in range(3):
    record("shop", "counted", 2, "Count", {})
print(json.dumps({
    "kept": len(points("beginning")),
    "old": len(points("old")),
    "statistics": cloudwatch._calc_stats(points("counted")),
}))
"""


@pytest.mark.parametrize("without", ["", "metric_retention"])
def test_a_point_recorded_during_eviction_is_kept(tmp_path, monkeypatch: pytest.MonkeyPatch, without: str) -> None:
    monkeypatch.setenv("EMULATOR_WITHOUT_PATCHES", without)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["old"] == 1
    assert found["statistics"] == {"SampleCount": 3, "Sum": 6, "Average": 2, "Minimum": 2, "Maximum": 2}
    assert (found["kept"] == 1) is not bool(without), "the patch is not needed: delete it"
