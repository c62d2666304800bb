"""Who may do what: every policy, statement by statement."""

from dataclasses import replace

import pytest
from awacs import dynamodb

from contract.routes import ROUTES
from generator import compute as compute_module
from generator import functions
from tests.unit.templates.support import evaluate, everywhere, of_type

TABLE, QUEUE = "table-arn", "queue-arn"
PARAMETERS = {"Environment": "dev", "OrdersTableArn": TABLE, "DeadLetterQueueArn": QUEUE}
SETTING = "arn:aws:ssm:us-east-1:123456789012:parameter/food-delivery/dev/"

# Written out, not derived: whoever widens a role has to say so here.
ALLOWED = {
    "OrdersCommandRole": {
        *(("dynamodb:GetItem", TABLE), ("dynamodb:PutItem", TABLE)),
        *(("dynamodb:Query", TABLE), ("dynamodb:UpdateItem", TABLE)),
        *(("ssm:GetParameters", SETTING + "api-config"), ("ssm:GetParameters", SETTING + "feature-flags")),
        ("logs:CreateLogStream", "OrdersCommandLogs.Arn"),
        ("logs:PutLogEvents", "OrdersCommandLogs.Arn"),
        *(("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")),
        ("sqs:SendMessage", QUEUE),
    },
    "OrdersQueryRole": {
        *(("dynamodb:GetItem", TABLE), ("dynamodb:Query", TABLE)),
        ("dynamodb:Query", TABLE + "/index/customerIdIndex"),
        ("ssm:GetParameters", SETTING + "api-config"),
        ("logs:CreateLogStream", "OrdersQueryLogs.Arn"),
        ("logs:PutLogEvents", "OrdersQueryLogs.Arn"),
        *(("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")),
    },
}


def statements(template: dict) -> list[dict]:
    """Every statement of every policy in a template."""
    return [
        statement
        for path, value in everywhere(template["Resources"])
        if path and path[-1] == "Statement"
        for statement in value
    ]


def allowed_by(compute: dict) -> dict[str, set[tuple[str, str]]]:
    """Role -> every (action, resource) that its policies allow."""
    allowed = {}
    for title, role in of_type(compute, "IAM::Role").items():
        policies = evaluate(compute, role["Properties"]["Policies"], PARAMETERS)
        allowed[title] = {
            (action, resource)
            for policy in policies
            for statement in policy["PolicyDocument"]["Statement"]
            for action in statement["Action"]
            for resource in statement["Resource"]
        }
    return allowed


def test_every_function_may_do_exactly_what_it_does(compute):
    assert allowed_by(compute) == ALLOWED


def test_a_widened_role_is_noticed(monkeypatch):
    command, query = functions.FUNCTIONS
    widened = replace(query, table_actions=(*query.table_actions, dynamodb.DeleteItem))
    monkeypatch.setattr(compute_module, "FUNCTIONS", (command, widened))
    changed = allowed_by(compute_module.build().to_dict())
    assert changed["OrdersQueryRole"] - ALLOWED["OrdersQueryRole"] == {("dynamodb:DeleteItem", TABLE)}


def test_every_function_has_a_role_of_its_own(compute):
    roles = [each["Properties"]["Role"]["Fn::GetAtt"][0] for each in of_type(compute, "Lambda::Function").values()]
    assert sorted(roles) == sorted(of_type(compute, "IAM::Role"))


def test_every_role_names_its_resources_except_where_aws_demands_a_star(templates):
    for template in templates.values():
        for statement in statements(template):
            if statement["Effect"] == "Allow" and "*" in str(statement.get("Resource", "")):
                assert all(action.startswith("xray:") for action in statement["Action"]), statement


def test_no_allowed_action_is_a_pattern(templates):
    for template in templates.values():
        for statement in statements(template):
            if statement["Effect"] == "Allow":
                assert not [action for action in statement["Action"] if "*" in action]


def test_no_function_role_takes_a_managed_policy(compute):
    assert not [
        title for title, role in of_type(compute, "IAM::Role").items() if "ManagedPolicyArns" in role["Properties"]
    ]


@pytest.mark.parametrize(
    ("name", "kind", "policy"),
    [("data", "SQS::Queue", "SQS::QueuePolicy"), ("monitoring", "SNS::Topic", "SNS::TopicPolicy")],
)
def test_every_queue_and_topic_refuses_plain_http(templates, name, kind, policy):
    template = templates[name]
    refused = set()
    for each in of_type(template, policy).values():
        for statement in each["Properties"]["PolicyDocument"]["Statement"]:
            plain_http = statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
            if statement["Effect"] == "Deny" and statement["Principal"] == "*" and plain_http:
                covered = each["Properties"].get("Queues") or each["Properties"]["Topics"]
                refused |= {reference["Ref"] for reference in covered}
    assert refused == set(of_type(template, kind))


def test_only_alarms_of_this_account_and_environment_may_publish_alerts(monitoring):
    (policy,) = of_type(monitoring, "SNS::TopicPolicy").values()
    (allow,) = (s for s in policy["Properties"]["PolicyDocument"]["Statement"] if s["Effect"] == "Allow")
    resolved = evaluate(monitoring, allow, {"Environment": "dev"})
    assert resolved["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert resolved["Action"] == ["sns:Publish"]
    assert resolved["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:food-delivery-dev-*"},
    }


def test_every_route_has_one_permission_for_exactly_its_method_and_path(api):
    granted = sorted(
        (
            each["Properties"]["FunctionName"]["Ref"],
            evaluate(api, each["Properties"]["SourceArn"], {"Environment": "dev"}),
        )
        for each in of_type(api, "Lambda::Permission").values()
    )
    source = "arn:aws:execute-api:us-east-1:123456789012:OrdersApi/dev/"
    assert granted == [
        ("OrdersCommandArn", source + "POST/orders"),
        ("OrdersCommandArn", source + "PUT/orders/*"),
        ("OrdersQueryArn", source + "GET/orders/*"),
        ("OrdersQueryArn", source + "GET/orders/customer/*"),
    ]
    assert len(granted) == len(ROUTES)


def test_every_service_role_trusts_one_service(templates):
    trusted = {
        (name, title): role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for name, template in templates.items()
        for title, role in of_type(template, "IAM::Role").items()
    }
    for (name, title), (statement,) in trusted.items():
        service = "apigateway" if name == "api" else "lambda"
        assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}, title
        assert statement["Action"] == ["sts:AssumeRole"]
