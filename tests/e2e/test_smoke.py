"""deploy.py --smoke against the local emulator: all is well, and something is not."""

import io
import json

import pytest

from deployer.options import Options
from deployer.show.ui import Ui
from operations.smoke import checks, command
from tests.e2e.support import ROOT, deploy
from tests.waiting import eventually

pytestmark = pytest.mark.e2e


def orders_of(deployment, customer: str) -> list[dict]:
    return [order for order in deployment.orders() if order["customerId"]["S"] == customer]


def test_an_order_takes_every_ingestion_path_and_is_cancelled_in_the_end(deployment):
    done = deploy("--env", "dev", "--local", "--smoke", "--output", "json", local_dir=deployment.local_dir)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["result"] == "passed" and {check["path"] for check in report["checks"]} == {
        "synchronous",
        "asynchronous",
        "import",
        "events",
    }
    assert all(check["ok"] and check["milliseconds"] > 0 for check in report["checks"])
    placed = orders_of(deployment, report["customer"])
    assert report["customer"].startswith("SMOKE-")
    assert sorted(order["source"]["S"] for order in placed) == ["api", "import", "pipeline"]
    assert {order["status"]["S"] for order in placed} == {"cancelled"}
    versions = deployment.client("s3").list_object_versions(Bucket=deployment.outputs["UploadBucketName"])
    assert "SMOKE-" not in json.dumps([found["Key"] for found in versions.get("Versions", [])])
    assert deployment.outputs["ApiKey"] not in done.stdout + done.stderr


def test_an_order_that_does_not_arrive_is_reported_and_the_other_paths_are_still_tried(deployment, monkeypatch):
    monkeypatch.setattr(checks, "TIMEOUT", 2.0)
    functions = deployment.client("lambda")
    [source] = functions.list_event_source_mappings(FunctionName=deployment.outputs["OrdersWorkerFunction"])[
        "EventSourceMappings"
    ]
    screen = io.StringIO()
    try:
        functions.update_event_source_mapping(UUID=source["UUID"], Enabled=False)
        options = Options("dev", local=True, local_dir=deployment.local_dir)
        report = command.run(options, Ui(screen, interactive=False), ROOT)
    finally:
        functions.update_event_source_mapping(UUID=source["UUID"], Enabled=True)
    assert (report["result"], report["exitCode"]) == ("failed", 1)
    failed = [check for check in report["checks"] if not check["ok"]]
    assert [(check["path"], check["name"]) for check in failed] == [
        ("asynchronous", "wait for it: GET Location"),
        ("import", "wait for it: GET /orders/{orderId}"),
    ]
    for check in failed:
        assert "within 2 s" in check["detail"] and check["requestId"]
        shown = screen.getvalue()
        assert "--logs" in shown and f"--order {check['orderId']}" in shown
    assert any(check["path"] == "events" and check["ok"] for check in report["checks"])
    eventually(lambda: len(orders_of(deployment, report["customer"])) == 3, what="the worker works again")
