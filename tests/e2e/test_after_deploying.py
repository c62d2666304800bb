"""A deployed environment is looked into: status, drift, logs, outputs, the key. Each changes nothing."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from tests.e2e.support import ROOT, deploy, deployed, interruptible, order_for
from tests.waiting import HANGS, eventually

pytestmark = pytest.mark.e2e

LOCAL = ("--env", "dev", "--local")
STACKS = ("ApiStack", "ComputeStack", "DataStack", "MonitoringStack")


def run(deployment, *arguments):
    return deployed(*LOCAL, *arguments, local_dir=deployment.local_dir)


def document(deployment, *arguments):
    return json.loads(run(deployment, *arguments, "--output", "json"))


def order_of(deployment, customer, path="/orders"):
    with deployment.api() as api:
        answer = api.post(path, json=order_for(customer))
    assert answer.status_code in (201, 202), answer.text
    return answer.json()["orderId"]


# --- drift ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def changed(change, value, back):
    change(value)
    try:
        yield
    finally:
        change(back)


def test_what_was_changed_in_nested_stacks_is_found_and_what_was_set_back_is_not(deployment):
    logs, sqs = deployment.client("logs"), deployment.client("sqs")
    group, queue = "/food-delivery/dev/orders-query", deployment.outputs["OrderImportDlqUrl"]
    kept = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]["MessageRetentionPeriod"]
    days = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"]

    def keep_logs(number):
        logs.put_retention_policy(logGroupName=group, retentionInDays=number)

    def keep_messages(seconds):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"MessageRetentionPeriod": seconds})

    with changed(keep_logs, 1, days), changed(keep_messages, "3600", kept):
        done = deploy(*LOCAL, "--drift", "--detailed-exitcode", local_dir=deployment.local_dir)
        assert done.returncode == 2, done.stderr
        lines = done.stdout.splitlines()
        of_compute, of_data = lines.index("ComputeStack"), lines.index("DataStack")
        assert "OrdersQueryLogs (AWS::Logs::LogGroup) /food-delivery/dev/orders-query" in lines[of_compute + 1]
        path, expected, _, actual = lines[of_compute + 2].split()
        assert (path, expected, actual) == ("/RetentionInDays:", str(days), "1")
        assert "OrderImportDLQ (AWS::SQS::Queue)" in lines[of_data + 1]
        path, expected, _, actual = lines[of_data + 2].split()
        assert (path, expected, actual) == ("/MessageRetentionPeriod:", kept, "3600")
        stacks = {stack["stack"]: stack for stack in document(deployment, "--status")["stacks"]}
        assert stacks["DataStack"]["drift"]["status"] == "DRIFTED"
        assert stacks[""]["drift"]["status"] == "IN_SYNC"  # the root's own detection saw nothing of it
    report = document(deployment, "--drift")
    assert {stack["stack"] for stack in report["stacks"]} == {"", *STACKS}
    drifted = {resource["logicalId"] for stack in report["stacks"] for resource in stack["drifted"]}
    assert not drifted & {"OrdersQueryLogs", "OrderImportDLQ"}
    assert report["unchecked"]


# --- logs -----------------------------------------------------------------------------------------


def test_an_order_is_traced_from_the_gateway_to_the_event(deployment, customer):
    order = order_of(deployment, customer, "/orders/async")
    other = order_of(deployment, customer)

    def trace():
        lines = document(deployment, "--logs", "--order", order)["lines"]
        said = [(line["function"], line["message"]) for line in lines]
        complete = {("orders-events", "event published"), ("orders-worker", "order stored")} <= set(said)
        return lines if complete else None  # the worker logs at the end of its batch, perhaps after the event

    lines = eventually(trace)
    said = [(line["function"], line["message"]) for line in lines]
    assert ("orders-intake", "order accepted") in said
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    assert ("api-access", "POST /orders/async 202") in said
    assert other not in json.dumps(lines) and customer not in json.dumps(lines)
    assert ("orders-worker", "batch") not in said


def test_one_function_s_lines_are_shown_without_the_platform_s_noise(deployment, customer):
    order = order_of(deployment, customer)
    text = run(deployment, "--logs", "OrdersCommand", "--since", "1m")
    assert any("order created" in line and order in line for line in text.splitlines())
    assert "orders-command" in text and "RequestId" not in text and "CloudWatchMetrics" not in text
    assert "Emulator" not in text  # lines alone are on standard output


@contextlib.contextmanager
def following(deployment, *arguments):
    """A running `--logs … --follow`, and the lines that it has written so far."""
    process = subprocess.Popen(
        [sys.executable, "deploy.py", *LOCAL, "--logs", *arguments, "--follow", "--since", "1s"],
        cwd=ROOT,
        env={**os.environ, "FOOD_DELIVERY_LOCAL_DIR": str(deployment.local_dir)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
        preexec_fn=interruptible,
    )
    lines, said = [], []
    readers = [
        threading.Thread(target=into.extend, args=(stream,), daemon=True)
        for into, stream in ((lines, process.stdout), (said, process.stderr))
    ]
    for reader in readers:
        reader.start()
    try:
        eventually(lambda: any("Following" in line for line in said))
        yield process, lines
    finally:
        process.kill()
        process.wait(HANGS)
        for reader in readers:
            reader.join(HANGS)
        process.stdout.close()
        process.stderr.close()


def test_following_shows_a_new_line_and_ends_well_with_ctrl_c(deployment, customer):
    with following(deployment, "orders_worker", "--output", "json") as (process, lines):
        order = order_of(deployment, customer, "/orders/async")
        eventually(lambda: any(order in line for line in lines))
        process.send_signal(signal.SIGINT)
        assert process.wait(HANGS) == 0
    documents = [json.loads(line) for line in lines]
    assert {each["function"] for each in documents} == {"orders-worker"}
    assert [each["message"] for each in documents if each["fields"].get("order_id") == order] == ["order stored"]


def test_an_unknown_function_or_duration_is_refused_with_valid_examples(deployment):
    done = deploy(*LOCAL, "--logs", "orders_baker", local_dir=deployment.local_dir)
    assert done.returncode == 2 and "orders-command, orders-events" in done.stderr
    done = deploy(*LOCAL, "--logs", "--since", "soon", local_dir=deployment.local_dir)
    assert done.returncode == 2 and "such as 90s, 10m" in done.stderr


# --- status, outputs, key -------------------------------------------------------------------------


def test_status_shows_stacks_version_alarms_queues_and_settings(deployment):
    report = document(deployment, "--status")
    assert [stack["stack"] for stack in report["stacks"]] == ["", *STACKS]
    assert all(stack["status"].endswith("_COMPLETE") for stack in report["stacks"])
    assert sum(report["alarms"]["counts"].values()) > 40
    assert {each["queue"] for each in report["deadLetterQueues"]} == {
        "OrderEventsDLQ",
        "OrderEventsDeliveryDLQ",
        "OrderImportDLQ",
        "OrderProcessingDLQ",
        "OrderQueueDLQ",
    }
    assert set(report["version"]) == {"id", "functions", "layer"} and all(report["version"].values())
    assert report["settings"]["feature-flags"] and report["settings"]["api-config"] and not report["unreadable"]
    assert report["apiUrl"] == deployment.outputs["ApiUrl"]


def test_status_shows_why_an_alarm_is_in_alarm(deployment):
    """The test makes an alarm on a metric without data, which it treats as breaching."""
    name, cloudwatch = "food-delivery-dev-of-a-test", deployment.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Test",
        MetricName="Unmeasured",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="breaching",
    )

    def in_alarm():
        return {alarm["name"]: alarm for alarm in document(deployment, "--status")["alarms"]["inAlarm"]}.get(name)

    try:
        assert "Threshold Crossed" in eventually(in_alarm)["reason"]
    finally:
        cloudwatch.delete_alarms(AlarmNames=[name])


def test_outputs_are_those_of_the_deployment_but_for_the_key(deployment, tmp_path):
    file = tmp_path / "outputs.json"
    outputs = document(deployment, "--outputs", "--outputs-file", str(file))["outputs"]
    assert outputs | {"ApiKey": deployment.outputs["ApiKey"]} == deployment.outputs == json.loads(file.read_text())
    assert "ApiKey" not in outputs


def test_the_key_is_alone_on_standard_output(deployment):
    done = deploy(*LOCAL, "--api-key", local_dir=deployment.local_dir)
    assert (done.returncode, done.stdout) == (0, deployment.outputs["ApiKey"] + "\n")
    assert deployment.outputs["ApiKey"] not in done.stderr
    assert document(deployment, "--api-key") == {
        "result": "shown",
        "apiKeyId": deployment.outputs["ApiKeyId"],
        "apiKey": deployment.outputs["ApiKey"],
    }
