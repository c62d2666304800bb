"""Consequences of a replacement: resources that refer to the new one change, in its stack and in others."""

import copy

from deployer.plan import compare
from deployer.plan.changes import Action, Unknown
from deployer.plan.snapshot import Snapshot

FUNCTION = {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "one", "MemorySize": 128}}
PERMISSION = {"Type": "AWS::Lambda::Permission", "Properties": {"FunctionName": {"Ref": "Function"}}}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"Resource": {"Fn::Sub": "${Function.Arn}:*"}}]}}
OTHER = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 1, "Tags": [{"Key": "k", "Value": "Function"}]}}
TEMPLATE = {
    "Resources": {"Function": FUNCTION, "Permission": PERMISSION, "Role": ROLE, "Other": OTHER},
    "Outputs": {
        "Arn": {"Value": {"Fn::GetAtt": ["Function", "Arn"]}},
        "Name": {"Value": {"Fn::Join": ["", ["queue:", {"Ref": "Other"}]]}},
    },
}
READER = {
    "Parameters": {"Arn": {"Type": "String"}, "Name": {"Type": "String"}},
    "Resources": {
        "ByArn": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": {"Ref": "Arn"}}},
        "ByName": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": {"Ref": "Name"}}},
    },
    "Outputs": {"Again": {"Value": {"Fn::Sub": "again-${Arn}"}}},
}
LAST = {
    "Parameters": {"Again": {"Type": "String"}},
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "Again"}}}},
}


def nested(parameters):
    return {"Type": "AWS::CloudFormation::Stack", "Properties": {"Parameters": parameters}}


def output(stack, name):
    return {"Fn::GetAtt": [stack, f"Outputs.{name}"]}


ROOT = {
    "Resources": {
        "First": nested({}),
        "Second": nested({"Arn": output("First", "Arn"), "Name": output("First", "Name")}),
        "Third": nested({"Again": output("Second", "Again")}),
    }
}


def tree(**properties) -> Snapshot:
    template = copy.deepcopy(TEMPLATE)
    template["Resources"]["Function"]["Properties"] |= properties
    return Snapshot(
        ROOT,
        {},
        {
            "First": Snapshot(template),
            "Second": Snapshot(READER, {"Arn": "arn:1", "Name": "queue:1"}),
            "Third": Snapshot(LAST, {"Again": "again-arn:1"}),
        },
    )


def actions(then) -> dict[str, Action]:
    return {change.path: change.action for change in compare.make(tree(), then).changes}


def test_a_modification_changes_no_other_resource():
    assert actions(tree(MemorySize=256)) == {"First/Function": Action.MODIFY}


def test_a_replacement_changes_resources_that_refer_to_it():
    assert actions(tree(FunctionName="two")) == {
        "First/Function": Action.REPLACE,
        "First/Permission": Action.MAY_REPLACE,
        "First/Role": Action.MODIFY,
        "Second/ByArn": Action.MODIFY,
        "Third/Topic": Action.MAY_REPLACE,
    }


def test_what_it_changes_to_is_known_after_the_deployment():
    made = {change.path: change for change in compare.make(tree(), tree(FunctionName="two")).changes}
    [difference] = made["First/Permission"].differences
    assert (difference.path, difference.before, difference.after) == (
        "FunctionName",
        {"Ref": "Function"},
        Unknown("Function"),
    )
    [difference] = made["Second/ByArn"].differences
    assert (difference.before, difference.after) == ("arn:1", Unknown("Second.Arn"))
