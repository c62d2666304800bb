"""Templates as production has them: no parameter and no reference is left, and numbers are numbers."""

import re

import pytest

from audit.__main__ import resolved_templates
from audit.stacks import resolve
from tests.unit.templates.support import everywhere

ROOT = {
    "Parameters": {"Days": {"Type": "Number", "Default": 7}, "On": {"Type": "String"}},
    "Resources": {
        "First": {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {"TemplateURL": "./first.yaml", "Parameters": {"Days": {"Ref": "Days"}, "On": {"Ref": "On"}}},
        },
        "Second": {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {
                "TemplateURL": "./second.yaml",
                "Parameters": {"TopicArn": {"Fn::GetAtt": ["First", "Outputs.TopicArn"]}},
            },
        },
    },
}
FIRST = {
    "Parameters": {"Days": {"Type": "Number"}, "On": {"Type": "String"}},
    "Conditions": {"IsOn": {"Fn::Equals": [{"Ref": "On"}, "true"]}},
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Logs": {
            "Type": "AWS::Logs::LogGroup",
            "Condition": "IsOn",
            "Properties": {
                "RetentionInDays": {"Ref": "Days"},
                "LogGroupName": {"Fn::Sub": "/${Days}/${Topic.TopicName}"},
                "Enabled": {"Ref": "On"},
                "Literal": "true",
                "Size": {"Fn::If": ["IsOn", 1, 2]},
            },
        },
    },
    "Outputs": {"TopicArn": {"Value": {"Ref": "Topic"}}},
}
SECOND = {
    "Parameters": {"TopicArn": {"Type": "String"}},
    "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"Topic": {"Ref": "TopicArn"}}}},
    "Outputs": {},
}


@pytest.fixture(params=["true", "false"])
def resolved(request):
    return request.param, resolve({"root": ROOT, "first": FIRST, "second": SECOND}, {"On": request.param})


def test_parameters_become_what_a_property_is_and_literals_stay(resolved):
    is_on, templates = resolved
    assert templates["first"]["Resources"]["Logs"]["Properties"] == {
        **{"RetentionInDays": 7, "LogGroupName": "/7/Topic", "Enabled": is_on == "true"},
        **{"Literal": "true", "Size": 1 if is_on == "true" else 2},
    }


def test_an_output_reaches_the_next_stack(resolved):
    _, templates = resolved
    arn = "arn:aws:sns:us-east-1:123456789012:Topic"
    assert templates["second"]["Resources"]["Queue"]["Properties"] == {"Topic": arn}


def test_nothing_of_ours_is_left_unresolved():
    templates = resolved_templates()
    assert set(templates) == {"root", "data", "compute", "api", "monitoring"}
    for name, template in templates.items():
        for title, resource in template["Resources"].items():
            for path, value in everywhere(resource["Properties"]):
                if isinstance(value, dict):
                    left = [key for key in value if key == "Ref" or key.startswith("Fn::")]
                    # Lists of terms and widgets, of which no rule knows anything.
                    assert not left or path[0] in ("AlarmRule", "DashboardBody"), f"{name}/{title}: {path}: {value}"
                if isinstance(value, str):
                    assert not re.search(r"\$\{[A-Z]", value), f"{name}/{title}: {path}: {value}"
