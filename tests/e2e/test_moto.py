"""The command that has moto as a witness: what it has recorded to hold still holds."""

import json
import subprocess
import sys

import pytest

from conformance import witness
from tests.e2e.support import ROOT
from tests.waiting import HANGS

pytestmark = pytest.mark.e2e


def test_what_holds_on_moto_still_holds():
    recorded = witness.recorded()[witness.MOTO].results
    holds = {probe for probe, result in recorded.items() if result["verdict"] == "holds"}
    chosen = [word for probe in sorted(holds) for word in ("--only", probe)]

    done = subprocess.run(
        [sys.executable, "-m", "conformance.moto_server", "--env", "staging", "--output", "json", *chosen],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=HANGS,
    )

    found = json.loads(done.stdout)
    assert found["witness"] == witness.MOTO
    assert {probe: result for probe, result in found["results"].items() if result["verdict"] != "holds"} == {}
    assert found["results"].keys() == holds
