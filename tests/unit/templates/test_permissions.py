"""Who may do what: every policy, statement by statement."""

from dataclasses import replace

import pytest
from awacs import dynamodb

from contract.routes import ROUTES
from generator import compute as compute_module
from generator import data as data_module
from generator import functions
from generator.policies import allow
from generator.resources import ORDERS_TABLE
from tests.unit.templates.support import evaluate, everywhere, of_type

TABLE, QUEUE = "table-arn", "queue-arn"
ORDERS, REJECTED, STREAM = "order-queue-arn", "order-queue-dlq-arn", "stream-arn"
EVENTS, UNANNOUNCED = "order-events-arn", "order-events-dlq-arn"
BUCKET, FAILED_IMPORTS = "arn:aws:s3:::uploads", "order-import-dlq-arn"
PARAMETERS = {
    **{"Environment": "dev", "OrdersTableArn": TABLE, "DeadLetterQueueArn": QUEUE, "OrdersStreamArn": STREAM},
    **{"OrderQueueArn": ORDERS, "OrderQueueDlqArn": REJECTED},
    **{"OrderEventsTopicArn": EVENTS, "OrderEventsDlqArn": UNANNOUNCED},
    **{"UploadBucketArn": BUCKET, "OrderImportDlqArn": FAILED_IMPORTS},
}
SETTING = "arn:aws:ssm:us-east-1:123456789012:parameter/food-delivery/dev/"


def _settings(*names: str) -> set[tuple[str, str]]:
    return {("ssm:GetParameters", SETTING + name) for name in names}


# What each function's own code does, written out: a change that widens a role has to change this, too.
MOVED = [f"Orders{name}Function.Arn{of}" for name in ("Command", "Query", "Intake") for of in ("", ":live")]
OWN = {
    "ReleaseRole": {
        ("cloudwatch:DescribeAlarms", "arn:aws:cloudwatch:us-east-1:123456789012:alarm:*"),
        *((f"lambda:{action}", function) for function in MOVED for action in ("GetAlias", "UpdateAlias")),
        *(("lambda:GetProvisionedConcurrencyConfig", function) for function in MOVED),
    },
    "OrdersCommandRole": {
        *(("dynamodb:GetItem", TABLE), ("dynamodb:PutItem", TABLE)),
        *(("dynamodb:Query", TABLE), ("dynamodb:UpdateItem", TABLE)),
        *_settings("api-config", "feature-flags"),
    },
    "OrdersQueryRole": {
        *(("dynamodb:GetItem", TABLE), ("dynamodb:Query", TABLE)),
        ("dynamodb:Query", TABLE + "/index/customerIdIndex"),
        ("dynamodb:Query", TABLE + "/index/partnerCustomerIndex"),
        *_settings("api-config"),
    },
    "OrdersIntakeRole": {
        *(("sqs:SendMessage", ORDERS), ("dynamodb:GetItem", TABLE)),
        *_settings("api-config", "feature-flags"),
    },
    "OrdersWorkerRole": {
        *(("dynamodb:PartiQLInsert", TABLE), ("dynamodb:PutItem", TABLE)),
        ("sqs:SendMessage", REJECTED),
        *_settings("api-config", "feature-flags"),
    },
    "OrdersEventsRole": {
        ("sns:Publish", EVENTS),
    },
    "OrdersImportRole": {
        *((f"s3:{action}", BUCKET + "/orders/*") for action in ("GetObject", "GetObjectVersion")),
        ("s3:PutObject", BUCKET + "/reports/*"),
        *(("sqs:SendMessage", ORDERS), ("dynamodb:GetItem", TABLE)),
        *_settings("api-config", "feature-flags"),
        ("lambda:InvokeFunction", "OrdersImportAlias"),
    },
}


READ_QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
READ_STREAM = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")


def allowed_to_lambda(compute: dict) -> dict[str, set[tuple[str, str]]]:
    """Role -> what Lambda does with it: logs, traces, reading the event source, and sending what fails."""
    found = {}
    for title, function in of_type(compute, "Lambda::Function").items():
        name = title.removesuffix("Function")
        allowed = {(f"logs:{action}", f"{name}Logs.Arn") for action in ("CreateLogStream", "PutLogEvents")}
        allowed |= {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}
        configured = [
            evaluate(compute, each["Properties"], PARAMETERS)
            for each in of_type(compute, "Lambda::EventSourceMapping", "Lambda::EventInvokeConfig").values()
            if each["Properties"]["FunctionName"] in ({"Ref": title}, {"Ref": f"{name}Alias"})
        ]
        for each in configured:
            source = each.get("EventSourceArn")
            if source == STREAM:
                allowed |= {*((action, STREAM) for action in READ_STREAM), ("dynamodb:ListStreams", "*")}
            elif source:
                allowed |= {(action, source) for action in READ_QUEUE}
            if "DestinationConfig" in each:
                allowed.add(("sqs:SendMessage", each["DestinationConfig"]["OnFailure"]["Destination"]))
        if "DeadLetterConfig" in function["Properties"]:
            target = function["Properties"]["DeadLetterConfig"]["TargetArn"]
            allowed.add(("sqs:SendMessage", evaluate(compute, target, PARAMETERS)))
        found[f"{name}Role"] = allowed
    return found


# The service authorization reference lists no resource type for these.
KNOW_NO_RESOURCE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords", "dynamodb:ListStreams"}


def statements(template: dict) -> list[dict]:
    """Every statement of every policy in a template."""
    return [
        statement
        for path, value in everywhere(template["Resources"])
        if path[-2:] == ("PolicyDocument", "Statement") or path[-2:] == ("AssumeRolePolicyDocument", "Statement")
        for statement in value
    ]


def allowed_by(compute: dict) -> dict[str, set[tuple[str, str]]]:
    """Role -> every (action, resource) that the policies in it and those attached to it allow."""
    policies = {
        title: evaluate(compute, role["Properties"]["Policies"], PARAMETERS)
        for title, role in of_type(compute, "IAM::Role").items()
    }
    for each in of_type(compute, "IAM::Policy").values():
        attached = evaluate(compute, each["Properties"], PARAMETERS)
        for title in attached["Roles"]:
            policies[title].append(attached)
    return {
        title: {
            (action, resource)
            for policy in of_role
            for statement in policy["PolicyDocument"]["Statement"]
            for action in statement["Action"]
            for resource in statement["Resource"]
        }
        for title, of_role in policies.items()
    }


def not_expected(compute: dict) -> dict[str, set[tuple[str, str]]]:
    """Role -> what it allows and should not, or should and does not."""
    allowed, by_lambda = allowed_by(compute), allowed_to_lambda(compute)
    found = {
        role: allowed.get(role, set()) ^ (by_lambda.get(role, set()) | OWN.get(role, set()))
        for role in {*allowed, *OWN}
    }
    return {role: different for role, different in found.items() if different}


def test_every_function_may_do_exactly_what_it_does(compute):
    assert not_expected(compute) == {}


def test_a_widened_role_is_named(monkeypatch):
    query = functions.BY_KEY["orders_query"]
    widened = replace(query, rights=(*query.rights, allow("Widened", (dynamodb.DeleteItem,), ORDERS_TABLE)))
    changed = tuple(widened if each is query else each for each in functions.FUNCTIONS)
    monkeypatch.setattr(compute_module, "FUNCTIONS", changed)
    changed = not_expected(compute_module.build(data_module.build()).to_dict())
    assert changed == {"OrdersQueryRole": {("dynamodb:DeleteItem", TABLE)}}


def test_every_function_has_its_own_role(compute):
    roles = [each["Properties"]["Role"]["Fn::GetAtt"][0] for each in of_type(compute, "Lambda::Function").values()]
    assert sorted([*roles, "ReleaseRole"]) == sorted(of_type(compute, "IAM::Role"))


# The uploader names the objects.
OBJECTS = [{"Fn::Sub": "${UploadBucketArn}/orders/*"}, {"Fn::Sub": "${UploadBucketArn}/reports/*"}]


# CloudWatch authorizes DescribeAlarms for all alarms of the account and Region, whatever the request names.
ALL_ALARMS = {"Fn::Sub": "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"}


def test_every_role_names_its_resources_except_objects_alarms_and_where_aws_demands_a_star(templates):
    for template in templates.values():
        for statement in statements(template):
            for resource in statement.get("Resource", ()) if statement["Effect"] == "Allow" else ():
                if "*" in str(resource) and resource not in (*OBJECTS, ALL_ALARMS):
                    assert set(statement["Action"]) <= KNOW_NO_RESOURCE, statement


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
    [
        ("data", "SQS::Queue", "SQS::QueuePolicy"),
        ("data", "SNS::Topic", "SNS::TopicPolicy"),
        ("data", "S3::Bucket", "S3::BucketPolicy"),
        ("monitoring", "SNS::Topic", "SNS::TopicPolicy"),
    ],
)
def test_every_queue_topic_and_bucket_refuses_plain_http(templates, name, kind, policy):
    assert refusing_plain_http(templates[name], policy) == set(of_type(templates[name], kind)) != set()


def refusing_plain_http(template: dict, policy: str) -> set[str]:
    refused = set()
    for each in of_type(template, policy).values():
        for statement in each["Properties"]["PolicyDocument"]["Statement"]:
            plain_http = statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
            if statement["Effect"] == "Deny" and statement["Principal"] == "*" and plain_http:
                properties = each["Properties"]
                covered = properties.get("Queues") or properties.get("Topics") or [properties["Bucket"]]
                refused |= {reference["Ref"] for reference in covered}
    return refused


def test_a_queue_without_a_policy_is_named(data):
    changed = {"Resources": {title: each for title, each in data["Resources"].items() if title != "OrderQueuePolicy"}}
    assert set(of_type(changed, "SQS::Queue")) - refusing_plain_http(changed, "SQS::QueuePolicy") == {"OrderQueue"}


def test_resource_policies_allow_only_the_rule_of_failed_imports(data):
    policies = of_type(data, "SQS::QueuePolicy", "SNS::TopicPolicy", "S3::BucketPolicy")
    assert len(policies) == len(of_type(data, "SQS::Queue", "SNS::Topic", "S3::Bucket"))
    allowing = {
        title
        for title, each in policies.items()
        for statement in each["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] != "Deny"
    }
    assert allowing == {"OrderImportDLQPolicy"}


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
        ("OrdersCommandAliasArn", source + "POST/orders"),
        ("OrdersCommandAliasArn", source + "PUT/orders/*"),
        ("OrdersIntakeAliasArn", source + "POST/orders/async"),
        ("OrdersQueryAliasArn", source + "GET/orders/*"),
        ("OrdersQueryAliasArn", source + "GET/orders/customer/*"),
    ]
    assert len(granted) == len(ROUTES)


def test_every_service_role_trusts_one_service(templates):
    trusted = {
        (name, title): role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for name, template in templates.items()
        for title, role in of_type(template, "IAM::Role").items()
    }
    for (name, title), (statement,) in trusted.items():
        service = "apigateway" if name == "api" else "codedeploy" if title == "ReleaseRole" else "lambda"
        assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}, title
        assert statement["Action"] == ["sts:AssumeRole"]
