"""All output of an import: metrics, one line for each invocation and one for each file, no secret."""

import pytest

from tests.unit.handlers.importing import BUCKET, KEY
from tests.unit.handlers.session_of_imports import SECRETS
from tests.unit.handlers.sessions import documents, output_of, samples

pytestmark = pytest.mark.xdist_group("sessions")  # one process runs each session, once


@pytest.fixture(scope="module")
def output():
    return output_of("session_of_imports")


@pytest.fixture(scope="module")
def metrics(output):
    """Return {metric: value} of each EMF document."""
    return [{each.name: sum(each.values) for each in samples([document])} for document in documents(output[1])]


def test_no_secret_is_ever_written(output):
    text, _ = output
    assert [name for name, secret in SECRETS.items() if secret in text] == []


def test_every_invocation_writes_its_counts_and_the_last_one_the_files_result(metrics):
    ours = [{name: value for name, value in values.items() if name != "ColdStart"} for values in metrics]
    durations = [values.pop("ProcessingTime") for values in ours if "ProcessingTime" in values]
    assert len(durations) == 6 and all(duration >= 0 for duration in durations)
    assert ours[:3] == [
        {"OrdersProcessed": 8, "OrderProcessingErrors": 0},
        {"OrdersProcessed": 7, "OrderProcessingErrors": 1},
        {"OrdersProcessed": 0, "OrderProcessingErrors": 4, "SuccessRate": 75},
    ]
    assert ours[3:6] == [{"ProcessingFailures": 1}] * 3
    assert ours[6:10] == [{"OrdersProcessed": 0, "OrderProcessingErrors": 0}, {"ProcessingFailures": 1}] * 2
    rejected, broken, real = ours[10:]
    assert rejected == {"OrdersProcessed": 0, "OrderProcessingErrors": 2, "SuccessRate": 0}
    assert broken == {"OrdersProcessed": 0, "OrderProcessingErrors": 1, "SuccessRate": 0}
    assert real == {"OrdersProcessed": 15, "OrderProcessingErrors": 5, "SuccessRate": 75}


def test_each_invocation_is_one_line(output):
    _, lines = output
    ours = [line for line in lines if line.get("message") == "import" and line["source_file"] == f"s3://{BUCKET}/{KEY}"]
    assert [(line["invocation"], line["status"], line["queued"], line["rejected"]) for line in ours] == [
        (1, "running", 8, 0),
        (2, "running", 7, 1),
        (3, "completed", 0, 4),
    ]
    assert {line["correlation_id"] for line in ours} == {"request-1"}
    assert [line["function_request_id"] for line in ours] == ["request-1", "another", "another"]


def test_each_file_is_one_line_at_its_end(output):
    _, lines = output
    first, *unreadable, rejected, broken, real = [line for line in lines if line.get("message") == "file"]
    assert (first["status"], first["read"], first["queued"], first["rejected"]) == ("completed", 20, 15, 5)
    assert first["reasons"] == {"feature_disabled": 1, "invalid_request": 4}
    assert [line["status"] for line in unreadable] == ["failed"] * 2
    assert all("the first row of a file must name its columns" in line["fault"]["reason"] for line in unreadable)
    assert (rejected["status"], rejected["rejected"]) == ("completed", 2)
    assert broken["status"] == "broken" and broken["fault"]["line"] == 1
    assert (real["source_file"], real["reasons"]) == (f"s3://{BUCKET}/orders/real.jsonl", first["reasons"])


def test_a_failure_is_logged_by_file_and_line(output):
    _, lines = output
    failures = [line for line in lines if line.get("message") == "request failed"]
    assert [line["exception"][0] for line in failures] == ["ValueError"] * 3 + ["ImportFailed"] * 2
    assert all("orders_import.py" in " ".join(line["frames"]) for line in failures)
