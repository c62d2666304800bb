"""Checks of CloudFormation itself."""

import json

from tests.emulator.checks.common import (
    check,
    child,
    parameter,
)
from tests.emulator.testkit import Aws, att, ref, template


@check
def nested_stack_lifecycle(aws: Aws, name: str) -> None:
    """An update goes through to a sibling by Fn::GetAtt; a failed one is taken back everywhere;
    a failed child leaves nothing behind."""

    def root(limit: str, fail: bool) -> dict:
        first = aws.template_url(template({"P": parameter(limit)}, {"Value": {"Fn::Sub": "${P}=" + limit}}))
        broken = {
            "Broken": {
                "Type": "AWS::SSM::Parameter",
                "DependsOn": "Q",
                "Properties": {"Type": "SecureString", "Value": "x"},
            }
        }
        second = aws.template_url(
            template(
                {"Q": parameter(ref("Given")), "Copy": parameter(att("Q", "Value")), **(broken if fail else {})},
                {"Q": ref("Q")},
                Parameters={"Given": {"Type": "String"}},
            )
        )
        return template(
            {"First": child(first), "Second": child(second, Given=att("First", "Outputs.Value"))},
            {"Q": att("Second", "Outputs.Q")},
        )

    def value() -> str:
        return aws.client("ssm").get_parameter(Name=outputs["Q"])["Parameter"]["Value"]

    outputs = aws.deployed(name, root("1", False))
    assert value().endswith("=1")
    assert aws.deployed(name, root("2", False)) == outputs
    assert value().endswith("=2")
    assert aws.deploy(name, root("3", True))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert value().endswith("=2")
    failed = aws.deploy(f"{name}-new", root("1", True))
    assert failed["StackStatus"] == "ROLLBACK_COMPLETE"
    left = [p["Name"] for p in aws.client("ssm").describe_parameters()["Parameters"] if f"{name}-new" in p["Name"]]
    assert not left, left


@check
def virtual_host_template_urls(aws: Aws, name: str) -> None:
    bucket, key = aws.put(json.dumps(template({"P": parameter("x")})), ".json")
    aws.deployed(name, template({"Child": child(f"https://{bucket}.s3.us-east-1.amazonaws.com/{key}")}))


@check
def nested_change_sets(aws: Aws, name: str) -> None:
    root = template({"Child": child(aws.template_url(template({"P": parameter(name)})))})
    change_set = aws.change_set(name, root, IncludeNestedStacks=True)
    change = change_set["Changes"][0]["ResourceChange"]
    nested = aws.client("cloudformation").describe_change_set(ChangeSetName=change["ChangeSetId"])
    assert nested["ParentChangeSetId"] == nested["RootChangeSetId"] == change_set["ChangeSetId"]
    assert [c["ResourceChange"]["LogicalResourceId"] for c in nested["Changes"]] == ["P"]
    aws.client("cloudformation").delete_change_set(ChangeSetName=change_set["ChangeSetId"])


@check
def nested_parent_ids(aws: Aws, name: str) -> None:
    root = aws.deploy(name, template({"Child": child(aws.template_url(template({"P": parameter(name)})))}))
    found = aws.stack(aws.child(name, "Child"))
    assert found["ParentId"] == found["RootId"] == root["StackId"]
