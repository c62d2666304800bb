"""The probes of the deployed platform, run on the local emulator: verdicts, and what they leave behind."""

import pytest

from config.environment import load
from conformance import probes  # noqa: F401  registers them
from conformance.account import Account
from conformance.environment import Environment
from conformance.probe import PROBES, Kind
from conformance.results import Verdict
from conformance.run import run_all
from deployer import connection
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import change_set_cleanup
from tests.e2e.support import ROOT

pytestmark = pytest.mark.e2e

MARK = "conformance-e2e"
DECLARED = "declared"  # test_declared.py
NOT_HERE = {
    # No firewall, dashboard, TLS, listed origins, X-Ray or saved queries.
    "a_preflight_of_another_origin_allows_nothing": Verdict.CANNOT,
    "a_request_without_user_agent_passes_the_firewall": Verdict.CANNOT,
    "a_sampled_request_is_one_trace": Verdict.CANNOT,
    "every_graph_of_the_dashboard_is_computed": Verdict.CANNOT,
    "refusals_name_the_origin_over_http2": Verdict.CANNOT,
    "saved_queries_run": Verdict.CANNOT,
    "sns_may_trace": Verdict.CANNOT,
    "the_sampling_rule_is_of_this_stage": Verdict.CANNOT,
    # docs/local-limits.md
    "a_body_of_another_type_passes_the_validator": Verdict.DIFFERS,
    "a_json_pattern_filters_log_lines": Verdict.DIFFERS,
    "describe_events_returns_events_of_operations": Verdict.DIFFERS,
    "lines_of_lambda_itself_are_json": Verdict.DIFFERS,
    "the_warm_throughput_of_a_table_can_be_read": Verdict.DIFFERS,
}
"""Verdicts on the emulator, of a deployment of dev; all other probes hold."""


@pytest.fixture(scope="module")
def environment(deployment) -> Environment:
    options = Options(env="dev", local=True, local_dir=deployment.local_dir)
    account = Account(connection.connect(Ui(), load("dev"), options, ROOT), MARK, 1)
    return Environment(account, load("dev"), deployment.outputs)


@pytest.fixture(scope="module")
def results(environment):
    chosen = [probe for probe in PROBES.values() if probe.kind is not Kind.DEPLOYS and probe.area != DECLARED]
    first = environment.for_probe()
    with first.account.made:
        first.place()  # without an order there may be no custom metric
    with environment.account.made:
        yield run_all(chosen, environment.account, environment, 4)


def test_each_probe_of_the_environment_ends_as_recorded(results) -> None:
    seen = {result.probe.id: result.verdict for result in results if result.verdict is not Verdict.HOLDS}
    assert seen == NOT_HERE, {result.probe.id: result.as_json() for result in results}


def test_no_resource_of_a_probe_is_left(results, environment, deployment) -> None:
    assert [left for result in results for left in result.left] == []
    stacks = deployment.client("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in stacks if MARK in stack["StackName"]] == []
    assert deployment.client("sqs").list_queues(QueueNamePrefix=MARK).get("QueueUrls", []) == []
    topic = deployment.outputs["OrderEventsTopicArn"]
    subscriptions = deployment.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [each["Endpoint"] for each in subscriptions if MARK in each["Endpoint"]] == []
    versions = deployment.client("s3").list_object_versions(Bucket=deployment.outputs["UploadBucketName"])
    assert [each["Key"] for each in versions.get("Versions", ()) if environment.mark in each["Key"]] == []
    for arn in environment.stacks.values():
        found = change_set_cleanup.of_stack(deployment.client("cloudformation"), arn).values()
        assert [each["ChangeSetName"] for each in found if each.get("Description") == MARK] == []


def test_each_order_of_a_probe_is_cancelled(results, environment, deployment) -> None:
    orders = [item for item in deployment.orders() if item["customerId"]["S"].startswith(environment.mark)]
    assert len(orders) >= 10
    assert {item["status"]["S"] for item in orders} == {"cancelled"}


def test_no_message_of_a_probe_is_a_dead_letter(results, environment, deployment) -> None:
    for queue in ("OrderQueueDlqUrl", "OrderEventsDlqUrl", "OrderImportDlqUrl"):
        options = {"QueueUrl": deployment.outputs[queue], "MaxNumberOfMessages": 10, "VisibilityTimeout": 0}
        messages = deployment.client("sqs").receive_message(**options).get("Messages", [])
        assert [message["Body"] for message in messages if environment.mark in message["Body"]] == []
