"""Nested stacks through their whole life."""

import pytest
from botocore.exceptions import ClientError

from conformance.resources import att, child, parameter, ref, table, template
from tests.emulator.testkit import Emulated

BROKEN = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "SecureString", "Value": "x"}}


def items(aws: Emulated, name: str) -> int:
    return aws.client("dynamodb").scan(TableName=name, Select="COUNT")["Count"]


def put(aws: Emulated, name: str) -> None:
    aws.client("dynamodb").put_item(TableName=name, Item={"id": {"S": "1"}})


def with_data(aws: Emulated, properties: dict, second: dict | None = None) -> dict:
    """A root with a table in one child and, after it, another child that gets its name."""
    data = aws.template_url(template({"T": table(**properties)}, {"T": ref("T")}))
    rest = aws.template_url(
        template({"P": parameter(ref("Table")), **(second or {})}, Parameters={"Table": {"Type": "String"}})
    )
    return template(
        {"Data": child(data), "Rest": child(rest, Table=att("Data", "Outputs.T"))}, {"T": att("Data", "Outputs.T")}
    )


def test_a_failed_update_restores_every_child_and_keeps_the_data(aws: Emulated) -> None:
    before = {
        "Tags": [{"Key": "version", "Value": "1"}],
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    }
    name = aws.deployed("restore", with_data(aws, before))["T"]
    put(aws, name)
    failed = aws.deploy(
        "restore", with_data(aws, {"DeletionProtectionEnabled": True}, {"Broken": {**BROKEN, "DependsOn": "P"}})
    )
    assert failed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert aws.client("dynamodb").describe_table(TableName=name)["Table"]["DeletionProtectionEnabled"] is False
    backups = aws.client("dynamodb").describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert items(aws, name) == 1
    for logical_id in ("Data", "Rest"):
        assert aws.stack(aws.child("restore", logical_id))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    rest = aws.child("restore", "Rest")
    assert any(reason.startswith("Broken: ") for reason in aws.failures(rest))
    why = "Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: The following resource(s) failed to create: [Broken]. "
    assert f"Rest: Embedded stack {rest} was not successfully updated. {why}" in aws.failures("restore")
    before["Tags"][0]["Value"] = "2"
    assert aws.deployed("restore", with_data(aws, before))["T"] == name, (
        "the stack cannot be updated after its rollback"
    )


def test_a_failed_create_leaves_nothing_but_its_story(aws: Emulated) -> None:
    failed = aws.deploy("orphans", with_data(aws, {}, {"Broken": {**BROKEN, "DependsOn": "P"}}))
    assert failed["StackStatus"] == "ROLLBACK_COMPLETE"
    assert not [t for t in aws.client("dynamodb").list_tables()["TableNames"] if t.startswith("orphans")]
    children = {
        e["LogicalResourceId"]: e["PhysicalResourceId"]
        for e in aws.events(failed["StackId"])
        if e["PhysicalResourceId"]
    }
    reason = next(reason for reason in aws.failures(failed["StackId"]) if reason.startswith("Rest"))
    rest = reason.split("Embedded stack ")[1].split(" ")[0]
    assert (
        reason
        == f"Rest: Embedded stack {rest} was not successfully created: The following resource(s) failed to create: [Broken]. "
    )
    assert any("SecureString" in failure for failure in aws.failures(rest))
    for stack_id in (children["Data"], rest):
        assert aws.stack(stack_id)["StackStatus"] == "DELETE_COMPLETE"


def test_a_failed_child_stays_when_rollback_is_off(aws: Emulated) -> None:
    cloudformation = aws.client("cloudformation")
    change_set = aws.change_set("kept", with_data(aws, {}, {"Broken": {**BROKEN, "DependsOn": "P"}}))
    cloudformation.execute_change_set(ChangeSetName=change_set["ChangeSetId"], DisableRollback=True)
    assert aws.rest(change_set["StackId"])["StackStatus"] == "CREATE_FAILED"
    assert aws.stack(aws.child("kept", "Rest"))["StackStatus"] == "CREATE_FAILED"
    assert aws.delete("kept")["StackStatus"] == "DELETE_COMPLETE"
    assert not [p for p in aws.client("ssm").describe_parameters()["Parameters"] if p["Name"].startswith("kept")]


@pytest.mark.parametrize(("policy", "kept"), [("Retain", True), ("Delete", False)])
def test_the_deletion_policy_may_be_a_parameter(aws: Emulated, policy: str, kept: bool) -> None:
    retained = {**table(), "DeletionPolicy": ref("Policy"), "UpdateReplacePolicy": ref("Policy")}
    inner = aws.template_url(template({"T": retained}, {"T": ref("T")}, Parameters={"Policy": {"Type": "String"}}))
    outer = template(
        {"Data": child(inner, Policy=ref("Policy"))},
        {"T": att("Data", "Outputs.T")},
        Parameters={"Policy": {"Type": "String"}},
    )
    stack = f"policy-{policy.lower()}"
    aws.deploy(stack, outer, {"Policy": policy})
    name = aws.stack(stack)["Outputs"][0]["OutputValue"]
    put(aws, name)
    assert aws.delete(stack)["StackStatus"] == "DELETE_COMPLETE"
    assert (name in aws.client("dynamodb").list_tables()["TableNames"]) is kept


def test_a_protected_table_in_a_child_fails_the_roots_delete(aws: Emulated) -> None:
    name = aws.deployed("guarded", with_data(aws, {"DeletionProtectionEnabled": True}))["T"]
    assert aws.delete("guarded")["StackStatus"] == "DELETE_FAILED"
    assert any("protected against deletion" in failure for failure in aws.failures(aws.child("guarded", "Data")))
    aws.client("dynamodb").update_table(TableName=name, DeletionProtectionEnabled=False)
    assert aws.delete("guarded")["StackStatus"] == "DELETE_COMPLETE"


def test_dynamic_references_are_resolved_in_children(aws: Emulated) -> None:
    aws.client("ssm").put_parameter(Name="/dynamic/source", Type="String", Value="from-ssm")
    inner = aws.template_url(template({"P": parameter("{{resolve:ssm:/dynamic/source}}")}, {"P": att("P", "Value")}))
    assert aws.deployed("dynamic", template({"C": child(inner)}, {"V": att("C", "Outputs.P")}))["V"] == "from-ssm"


def test_the_story_of_a_child_outlives_it(aws: Emulated) -> None:
    aws.deployed("story", with_data(aws, {}))
    data = aws.child("story", "Data")
    assert aws.delete("story")["StackStatus"] == "DELETE_COMPLETE"
    events = [(e["LogicalResourceId"], e["ResourceStatus"]) for e in aws.events(data)]
    assert ("T", "CREATE_COMPLETE") in events and ("T", "DELETE_COMPLETE") in events


def test_children_are_deleted_after_those_that_need_them(aws: Emulated) -> None:
    root = aws.deploy("order", with_data(aws, {}))["StackId"]
    aws.delete("order")
    gone = [e["LogicalResourceId"] for e in aws.events(root) if e["ResourceStatus"] == "DELETE_COMPLETE"]
    assert gone.index("Rest") < gone.index("Data")


def test_a_child_that_disappears_from_the_template_is_deleted(aws: Emulated) -> None:
    aws.deployed("shrink", with_data(aws, {}))
    rest = aws.child("shrink", "Rest")
    smaller = with_data(aws, {})
    del smaller["Resources"]["Rest"]
    aws.deployed("shrink", smaller)
    assert aws.stack(rest)["StackStatus"] == "DELETE_COMPLETE"
    assert set(aws.resources("shrink")) == {"Data"}


def test_an_index_is_added_without_losing_the_items(aws: Emulated) -> None:
    name = aws.deployed("index", with_data(aws, {}))["T"]
    put(aws, name)
    more = {
        "AttributeDefinitions": [{"AttributeName": n, "AttributeType": "S"} for n in ("id", "customerId")],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "byCustomer",
                "Projection": {"ProjectionType": "ALL"},
                "KeySchema": [{"AttributeName": "customerId", "KeyType": "HASH"}],
            }
        ],
    }
    assert aws.deployed("index", with_data(aws, more))["T"] == name
    assert items(aws, name) == 1
    aws.client("dynamodb").query(
        TableName=name,
        IndexName="byCustomer",
        KeyConditionExpression="customerId = :c",
        ExpressionAttributeValues={":c": {"S": "x"}},
    )


def test_an_update_without_changes_is_a_failed_change_set(aws: Emulated) -> None:
    aws.deployed("same", with_data(aws, {}))
    change_set = aws.change_set("same", with_data(aws, {}), IncludeNestedStacks=True)
    assert change_set["Status"] == "FAILED"
    assert "didn't contain changes" in change_set["StatusReason"]


def test_a_change_set_is_executed_with_the_children_that_it_announced(aws: Emulated) -> None:
    change_set = aws.change_set("announced", with_data(aws, {}), IncludeNestedStacks=True)
    planned = {}
    for change in change_set["Changes"]:
        nested = aws.client("cloudformation").describe_change_set(ChangeSetName=change["ResourceChange"]["ChangeSetId"])
        planned[change["ResourceChange"]["LogicalResourceId"]] = nested["StackId"]
    aws.client("cloudformation").execute_change_set(ChangeSetName=change_set["ChangeSetId"])
    aws.rest(change_set["StackId"])
    assert {name: found["PhysicalResourceId"] for name, found in aws.resources("announced").items()} == planned


def test_a_template_that_is_not_there_fails_the_child(aws: Emulated) -> None:
    failed = aws.deploy("absent", template({"C": child(f"{aws.emulator.endpoint_url}/artifacts/absent.json")}))
    assert failed["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("valid S3 object" in failure for failure in aws.failures(failed["StackId"]))


def test_parameters_that_the_child_does_not_have_are_refused(aws: Emulated) -> None:
    inner = aws.template_url(template({"P": parameter("x")}))
    failed = aws.deploy("typo", template({"C": child(inner, Typo="x")}))
    assert any("[Typo] do not exist in the template" in failure for failure in aws.failures(failed["StackId"]))


def test_a_deleted_root_is_known_by_its_id_only(aws: Emulated) -> None:
    aws.deployed("gone", with_data(aws, {}))
    aws.delete("gone")
    with pytest.raises(ClientError, match="does not exist"):
        aws.client("cloudformation").describe_stacks(StackName="gone")
