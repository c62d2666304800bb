"""Which declared and seen properties are equal, and how a difference is named."""

import pytest

from conformance.declared.comparing import differences

ALLOW = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
DENY = {"Effect": "Deny", "Principal": "*", "Action": ["sqs:*"], "Resource": ["*"]}
GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/food-delivery/dev/orders-query"


def policy(*statements: dict) -> dict:
    return {"PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}


def found(declared: dict, seen: dict) -> list[str]:
    return [str(difference) for difference in differences(declared, seen)]


@pytest.mark.parametrize(
    ("declared", "seen"),
    [
        pytest.param({"Timeout": "30"}, {"Timeout": 30}, id="number as text"),
        pytest.param({"Threshold": 1}, {"Threshold": 1.0}, id="whole number as float"),
        pytest.param({"Threshold": 12345678}, {"Threshold": 12345678.0}, id="large number as float"),
        pytest.param({"Enabled": True}, {"Enabled": "true"}, id="boolean as text"),
        pytest.param({"Timeout": 30}, {"Timeout": 30, "MemorySize": 128}, id="default"),
        pytest.param({"ApiKeyRequired": False}, {}, id="false is not returned"),
        pytest.param({"OKActions": []}, {}, id="empty list is not returned"),
        pytest.param({"AlarmActions": ["a", "b"]}, {"AlarmActions": ["b", "a"]}, id="set"),
        pytest.param(
            {"Dimensions": [{"Name": "a", "Value": 1}]}, {"Dimensions": [{"Value": "1", "Name": "a"}]}, id="item"
        ),
        pytest.param({"Schema": {"a": [1, 2]}}, {"Schema": '{"a": [1, 2]}'}, id="document as text"),
        pytest.param({"Value": '{"a":1}'}, {"Value": '{ "a": 1 }'}, id="text that is a document"),
        pytest.param(policy(ALLOW, DENY), policy(DENY, ALLOW), id="order of statements"),
        pytest.param(policy(ALLOW), policy({**ALLOW, "Action": ["SQS:SendMessage"]}), id="action in capitals"),
        pytest.param(policy(DENY), policy({**DENY, "Principal": {"AWS": "*"}}), id="everyone"),
        pytest.param({"DestinationArn": f"{GROUP}:*"}, {"DestinationArn": GROUP}, id="log group"),
    ],
)
def test_these_are_equal(declared, seen):
    assert found(declared, seen) == []


@pytest.mark.parametrize(
    ("declared", "seen", "difference"),
    [
        pytest.param({"Timeout": 30}, {"Timeout": 31}, "Timeout: declared 30, seen 31", id="number"),
        pytest.param({"Threshold": 0.5}, {"Threshold": 0.05}, "Threshold: declared 0.5, seen 0.05", id="fraction"),
        pytest.param({"Threshold": 12345678}, {"Threshold": 12345679.0}, None, id="last digit"),
        pytest.param({"Timeout": 0}, {}, "Timeout: declared 0, seen nothing", id="zero is not absence"),
        pytest.param({"Allow": {}}, {}, "Allow: declared {}, seen nothing", id="an empty mapping is not absence"),
        pytest.param({"SSE": {"Type": "KMS"}}, {"SSE": {"Type": "AES"}}, "SSE.Type: declared KMS, seen AES", id="path"),
        pytest.param(
            {"OKActions": ["a"]}, {"OKActions": ["a", "b"]}, "OKActions[b]: declared nothing, seen b", id="more"
        ),
        pytest.param({"OKActions": ["a"]}, {"OKActions": []}, "OKActions[a]: declared a, seen nothing", id="fewer"),
        pytest.param({"OKActions": ["a", "a"]}, {"OKActions": ["a"]}, None, id="twice"),
        pytest.param({"Layers": ["a", "b"]}, {"Layers": ["b", "a"]}, None, id="order of layers"),
        pytest.param(
            {"Rules": [{"Id": "a", "Days": 1}, {"Id": "b", "Days": 2}]},
            {"Rules": [{"Id": "b", "Days": 3}, {"Id": "a", "Days": 1}]},
            "Rules[b].Days: declared 2, seen 3",
            id="item by its label",
        ),
        pytest.param(
            {"Environment": {"Variables": {"A": "1"}}},
            {"Environment": {"Variables": {"A": "1", "B": "2"}}},
            "Environment.Variables.B: declared nothing, seen 2",
            id="variable too many",
        ),
        pytest.param({"Schema": {"a": [1, 2]}}, {"Schema": '{"a": [2, 1]}'}, None, id="order in a document"),
        pytest.param({"Schema": {"a": 1}}, {"Schema": '{"a": 1, "b": 2}'}, None, id="more in a document"),
        pytest.param({"Value": '{"a":1}'}, {"Value": "none"}, None, id="no document"),
        pytest.param(policy(ALLOW), policy(ALLOW, DENY), None, id="statement too many"),
        pytest.param(policy(ALLOW, DENY), policy(DENY), None, id="statement too few"),
        pytest.param(
            policy(ALLOW), policy({**ALLOW, "Action": ["sqs:SendMessage", "sqs:*"]}), None, id="action too many"
        ),
        pytest.param(policy(ALLOW), policy({**ALLOW, "Resource": "arn:A"}), None, id="resource in another case"),
        pytest.param(
            policy({**ALLOW, "Condition": {"StringEquals": {"aws:SourceAccount": "1"}}}),
            policy(ALLOW),
            None,
            id="condition lost",
        ),
        pytest.param(
            policy(ALLOW),
            policy({**ALLOW, "Condition": {"StringEquals": {"aws:SourceAccount": "1"}}}),
            None,
            id="condition added",
        ),
        pytest.param(
            policy(ALLOW),
            policy({**ALLOW, "Principal": {**ALLOW["Principal"], "AWS": "1"}}),
            None,
            id="principal added",
        ),
        pytest.param({"Version": "1.10"}, {"Version": "1.1"}, None, id="text is no number"),
        pytest.param(policy(ALLOW), {"PolicyDocument": "unreadable"}, None, id="unreadable policy"),
        pytest.param({"Arn": "arn:aws:s3:::bucket/*"}, {"Arn": "arn:aws:s3:::bucket/"}, None, id="star of another ARN"),
    ],
)
def test_these_differ(declared, seen, difference):
    first, *_ = found(declared, seen)

    assert difference in (None, first)


def test_a_difference_in_a_document_names_its_place():
    declared = {"PolicyDocument": {"Statement": [{"Sid": "A", "Action": "s3:GetObject"}]}, "Schema": {"a": {"b": 1}}}
    seen = {"PolicyDocument": {"Statement": [{"Sid": "A", "Action": "s3:PutObject"}]}, "Schema": '{"a": {"b": 2}}'}

    assert found(declared, seen) == [
        "PolicyDocument.Statement[A].Action[s3:getobject]: declared s3:getobject, seen s3:putobject",
        "Schema.a.b: declared 1, seen 2",
    ]
