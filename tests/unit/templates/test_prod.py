"""What must hold in production: every template as prod's parameters make it.

Each test says what it would name if somebody took the care away: it breaks one resource and looks again.
"""

import copy
import json

import pytest

from tests.unit.templates.given import alarms_of, parameters
from tests.unit.templates.support import CHILDREN, everywhere, existing
from tests.unit.templates.test_alarms import heard_twice_or_never, unwatched, unwatched_functions

Resources = dict[str, dict]


@pytest.fixture(scope="module")
def prod(templates) -> Resources:
    """Stack and logical id, such as data.OrdersTable -> resource."""
    return {
        f"{child}.{title}": each
        for child in CHILDREN
        for title, each in existing(templates[child], parameters("prod")).items()
    }


@pytest.fixture
def broken(prod):
    """Prod with one value changed, or, without a value, removed: broken("data.OrdersTable", "Properties", ..., to=...)."""

    def change(title: str, *path, **to) -> Resources:
        changed = copy.deepcopy(prod)
        node, last = changed, title
        for step in path:
            node, last = node[last], step
        if to:
            node[last] = to["to"]
        else:
            del node[last]
        return changed

    return change


def of(resources: Resources, *kinds: str) -> Resources:
    return {title: each for title, each in resources.items() if each["Type"].removeprefix("AWS::") in kinds}


def lacking(resources: Resources, *kinds: str, that) -> set[str]:
    """Those of some kinds for whose properties something does not hold. There must be some."""
    found = of(resources, *kinds)
    assert found
    return {title for title, each in found.items() if not that(each["Properties"])}


# Data


def destroyable(resources: Resources) -> set[str]:
    data = of(resources, "DynamoDB::Table", "S3::Bucket", "SQS::Queue")
    return {
        title
        for title, each in data.items()
        if {each.get("DeletionPolicy"), each.get("UpdateReplacePolicy")} != {"Retain"}
    }


def test_no_table_bucket_or_queue_goes_with_its_stack_or_a_replacement(prod, broken):
    assert destroyable(prod) == set()
    assert destroyable(broken("data.OrdersTable", "UpdateReplacePolicy", to="Delete")) == {"data.OrdersTable"}
    assert destroyable(broken("data.OrderQueue", "DeletionPolicy")) == {"data.OrderQueue"}


def unprotected(resources: Resources) -> set[str]:
    def safe(table: dict) -> bool:
        backup = table.get("PointInTimeRecoverySpecification", {})
        recoverable = backup.get("PointInTimeRecoveryEnabled") is True and backup.get("RecoveryPeriodInDays") == "35"
        return recoverable and table.get("DeletionProtectionEnabled") == "true"

    return lacking(resources, "DynamoDB::Table", that=safe)


def test_the_table_cannot_be_deleted_and_goes_back_35_days(prod, broken):
    assert unprotected(prod) == set()
    for path, to in (
        (("DeletionProtectionEnabled",), "false"),
        (("PointInTimeRecoverySpecification", "RecoveryPeriodInDays"), "7"),
        (("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"), False),
    ):
        assert unprotected(broken("data.OrdersTable", "Properties", *path, to=to)) == {"data.OrdersTable"}


def unencrypted(resources: Resources) -> set[str]:
    """The topic of alerts is not among them: what it says is no secret, and a key would silence it."""
    return (
        lacking(resources, "DynamoDB::Table", that=lambda table: table["SSESpecification"]["SSEEnabled"] is True)
        | lacking(resources, "SQS::Queue", that=lambda queue: queue.get("SqsManagedSseEnabled") is True)
        | lacking(resources, "S3::Bucket", that=lambda bucket: "BucketEncryption" in bucket)
        | lacking(resources, "SNS::Topic", that=lambda topic: "KmsMasterKeyId" in topic)
    ) - {"monitoring.AlertsTopic"}


def test_what_names_customers_is_encrypted_where_it_lies(prod, broken):
    assert unencrypted(prod) == set()
    assert unencrypted(broken("data.OrderEventsDLQ", "Properties", "SqsManagedSseEnabled")) == {"data.OrderEventsDLQ"}
    assert unencrypted(broken("data.OrderEvents", "Properties", "KmsMasterKeyId")) == {"data.OrderEvents"}
    assert unencrypted(broken("data.UploadBucket", "Properties", "BucketEncryption")) == {"data.UploadBucket"}


def public(resources: Resources) -> set[str]:
    blocked = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True)
    return lacking(resources, "S3::Bucket", that=lambda bucket: bucket.get("PublicAccessBlockConfiguration") == blocked)


def test_no_bucket_is_public(prod, broken):
    assert public(prod) == set()
    path = ("Properties", "PublicAccessBlockConfiguration", "BlockPublicPolicy")
    assert public(broken("data.UploadBucket", *path, to=False)) == {"data.UploadBucket"}


# Who may do what


def open_to_plain_http(resources: Resources) -> set[str]:
    closed = set()
    for title, each in of(resources, "SQS::QueuePolicy", "SNS::TopicPolicy", "S3::BucketPolicy").items():
        properties, stack = each["Properties"], title.split(".")[0]
        for statement in properties["PolicyDocument"]["Statement"]:
            secure = statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
            if secure and (statement["Effect"], statement["Principal"]) == ("Deny", "*"):
                covered = properties.get("Queues") or properties.get("Topics") or [properties["Bucket"]]
                closed |= {f"{stack}.{name}" for name in covered}
    return set(of(resources, "SQS::Queue", "SNS::Topic", "S3::Bucket")) - closed


def test_every_queue_topic_and_bucket_refuses_plain_http(prod, broken):
    assert open_to_plain_http(prod) == set()
    for policy, left_open in (
        ("data.OrderQueuePolicy", "data.OrderQueue"),
        ("monitoring.AlertsTopicPolicy", "monitoring.AlertsTopic"),
        ("data.UploadBucketPolicy", "data.UploadBucket"),
    ):
        assert open_to_plain_http(broken(policy)) == {left_open}


def statements(resource: dict) -> list[dict]:
    return [
        statement
        for path, value in everywhere(resource)
        if path and path[-1] == "Statement" and isinstance(value, list)
        for statement in value
    ]


def with_patterns_of_actions(resources: Resources) -> set[str]:
    return {
        title
        for title, each in of(resources, "IAM::Role", "IAM::Policy", "SQS::QueuePolicy", "SNS::TopicPolicy").items()
        for statement in statements(each)
        if statement["Effect"] == "Allow" and any("*" in action for action in statement["Action"])
    }


def test_no_role_or_policy_allows_a_pattern_of_actions(prod, broken):
    assert with_patterns_of_actions(prod) == set()
    path = ("Properties", "Policies", 0, "PolicyDocument", "Statement", 0, "Action")
    changed = broken("compute.OrdersQueryRole", *path, to=["dynamodb:*"])
    assert with_patterns_of_actions(changed) == {"compute.OrdersQueryRole"}


def open_to_anybody(resources: Resources) -> set[str]:
    allowed = {
        title
        for title, each in resources.items()
        for statement in statements(each)
        if statement["Effect"] == "Allow" and statement.get("Principal") in ("*", {"AWS": "*"})
    }
    invoked = of(resources, "Lambda::Permission")
    return allowed | {
        title
        for title, each in invoked.items()
        if "SourceArn" not in each["Properties"] or not each["Properties"]["Principal"].endswith(".amazonaws.com")
    }


def test_nobody_unknown_may_use_anything(prod, broken):
    assert open_to_anybody(prod) == set()
    statement = {"Effect": "Allow", "Principal": "*", "Action": ["sqs:SendMessage"], "Resource": ["*"]}
    path = ("Properties", "PolicyDocument", "Statement")
    assert open_to_anybody(broken("data.OrderQueuePolicy", *path, to=[statement])) == {"data.OrderQueuePolicy"}
    path = ("compute.OrderFilesRulePermission", "Properties", "SourceArn")
    assert open_to_anybody(broken(*path)) == {"compute.OrderFilesRulePermission"}


# The API


def wildcard_origins(resources: Resources) -> set[str]:
    """Whatever would tell a browser that any page may call."""
    return {
        title
        for title, each in resources.items()
        for path, value in everywhere(each["Properties"])
        if value in ("*", "'*'") and any("rigin" in str(step) or "ALLOWED_ORIGINS" in str(step) for step in path)
    }


def test_no_answer_allows_any_origin(prod, broken, templates):
    assert wildcard_origins(prod) == set()
    assert "*" not in parameters("prod")["AllowedOrigins"]
    path = ("compute.OrdersQueryFunction", "Properties", "Environment", "Variables", "ALLOWED_ORIGINS")
    assert wildcard_origins(broken(*path, to="*")) == {"compute.OrdersQueryFunction"}
    anyone = existing(templates["api"], parameters("prod", AllowedOrigins="*"))
    assert wildcard_origins({f"api.{title}": each for title, each in anyone.items()})


def tracing_data(resources: Resources) -> set[str]:
    def discreet(stage: dict) -> bool:
        return all(
            each["DataTraceEnabled"] == "false" and each["LoggingLevel"] == "ERROR" for each in stage["MethodSettings"]
        )

    return lacking(resources, "ApiGateway::Stage", that=discreet)


def test_no_request_or_answer_is_logged_whole(prod, broken):
    assert tracing_data(prod) == set()
    for key, to in (("DataTraceEnabled", "true"), ("LoggingLevel", "INFO")):
        assert tracing_data(broken("api.Stage", "Properties", "MethodSettings", 0, key, to=to)) == {"api.Stage"}


def open_methods(resources: Resources) -> set[str]:
    return lacking(
        resources,
        "ApiGateway::Method",
        that=lambda method: method["HttpMethod"] == "OPTIONS" or method.get("ApiKeyRequired") is True,
    )


def test_every_method_but_the_preflight_asks_for_a_key(prod, broken):
    assert open_methods(prod) == set()
    (method, *_) = (
        title for title, each in of(prod, "ApiGateway::Method").items() if each["Properties"]["HttpMethod"] == "PUT"
    )
    assert open_methods(broken(method, "Properties", "ApiKeyRequired", to=False)) == {method}


def unthrottled(resources: Resources) -> set[str]:
    def of_stage(stage: dict) -> bool:
        return all(int(each.get("ThrottlingRateLimit", 0)) > 0 for each in stage["MethodSettings"])

    def of_plan(plan: dict) -> bool:
        return int(plan.get("Throttle", {}).get("RateLimit", 0)) > 0 and int(plan.get("Quota", {}).get("Limit", 0)) > 0

    return lacking(resources, "ApiGateway::Stage", that=of_stage) | lacking(
        resources, "ApiGateway::UsagePlan", that=of_plan
    )


def test_the_api_and_each_of_its_keys_are_throttled(prod, broken):
    assert unthrottled(prod) == set()
    path = ("Properties", "MethodSettings", 0, "ThrottlingRateLimit")
    assert unthrottled(broken("api.Stage", *path)) == {"api.Stage"}
    assert unthrottled(broken("api.UsagePlan", "Properties", "Quota")) == {"api.UsagePlan"}


def unguarded_stages(resources: Resources) -> set[str]:
    guarded = {each["Properties"]["ResourceArn"] for each in of(resources, "WAFv2::WebACLAssociation").values()}
    known = {title for title in of(resources, "ApiGateway::Stage") if of(resources, "WAFv2::WebACL")}
    return set(of(resources, "ApiGateway::Stage")) - {
        title for title in known if any(arn.endswith(f"/stages/{title.split('.')[1]}") for arn in guarded)
    }


def test_a_firewall_stands_before_the_api(prod, broken):
    assert unguarded_stages(prod) == set()
    assert unguarded_stages(broken("api.WebAclAssociation")) == {"api.Stage"}
    assert unguarded_stages(broken("api.WebAcl")) == {"api.Stage"}


# Logs and traces


def kept_for_ever(resources: Resources) -> set[str]:
    return lacking(resources, "Logs::LogGroup", that=lambda group: int(group.get("RetentionInDays", 0)) > 0)


def test_every_log_group_has_a_retention(prod, broken):
    assert kept_for_ever(prod) == set()
    path = ("compute.OrdersWorkerLogs", "Properties", "RetentionInDays")
    assert kept_for_ever(broken(*path)) == {"compute.OrdersWorkerLogs"}


def logging_elsewhere(resources: Resources) -> set[str]:
    """Functions whose logs go to a group that Lambda makes, and that is kept for ever."""
    groups = {title.split(".")[1] for title in of(resources, "Logs::LogGroup")}
    return lacking(
        resources,
        "Lambda::Function",
        that=lambda function: function.get("LoggingConfig", {}).get("LogGroup") in groups,
    )


def test_every_function_logs_to_a_group_of_its_stack_as_json_and_without_details(prod, broken):
    assert logging_elsewhere(prod) == set()
    assert logging_elsewhere(broken("compute.OrdersEventsLogs")) == {"compute.OrdersEventsFunction"}
    for function in of(prod, "Lambda::Function").values():
        logging = function["Properties"]["LoggingConfig"]
        assert (logging["LogFormat"], logging["ApplicationLogLevel"]) == ("JSON", "INFO")


def untraced(resources: Resources) -> set[str]:
    return (
        lacking(resources, "ApiGateway::Stage", that=lambda stage: stage.get("TracingEnabled") is True)
        | lacking(resources, "Lambda::Function", that=lambda each: each.get("TracingConfig") == {"Mode": "Active"})
        | lacking(resources, "SNS::Topic", that=lambda topic: topic.get("TracingConfig") == "Active")
    ) - {"monitoring.AlertsTopic"}  # its publisher is CloudWatch, which is in no trace


def test_requests_are_traced_from_the_gateway_to_the_topic(prod, broken):
    assert untraced(prod) == set()
    path = ("compute.OrdersIntakeFunction", "Properties", "TracingConfig")
    assert untraced(broken(*path)) == {"compute.OrdersIntakeFunction"}
    assert untraced(broken("data.OrderEvents", "Properties", "TracingConfig")) == {"data.OrderEvents"}


def may_trace(resources: Resources) -> set[str]:
    """ARNs of the topics that X-Ray lets SNS trace."""
    documents = [
        json.loads(each["Properties"]["PolicyDocument"]) for each in of(resources, "XRay::ResourcePolicy").values()
    ]
    return {
        statement["Condition"]["StringLike"]["aws:SourceArn"] for each in documents for statement in each["Statement"]
    }


def test_sns_may_send_the_traces_it_is_told_to_send_and_only_those(prod):
    assert may_trace(prod) == {"OrderEvents"}
    (policy,) = of(prod, "XRay::ResourcePolicy").values()
    (statement,) = json.loads(policy["Properties"]["PolicyDocument"])["Statement"]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}


# Nothing fails unnoticed


def given_up(resources: Resources) -> set[str]:
    """What gives up on a message, an event or a record without keeping it."""

    def mapping_keeps(mapping: dict) -> bool:
        # A queue keeps what fails by itself: by its redrive policy.
        return "StartingPosition" not in mapping or "OnFailure" in mapping.get("DestinationConfig", {})

    dead = {
        title.split(".")[1]
        for title, queue in of(resources, "SQS::Queue").items()
        if "redrivePermission" in str(queue["Properties"].get("RedriveAllowPolicy"))
    }
    queues = {title for title, queue in of(resources, "SQS::Queue").items() if title.split(".")[1] not in dead}
    return (
        {title for title in queues if "RedrivePolicy" not in resources[title]["Properties"]}
        | lacking(resources, "Lambda::EventSourceMapping", that=mapping_keeps)
        | lacking(resources, "Lambda::EventInvokeConfig", that=lambda each: "OnFailure" in each["DestinationConfig"])
        | lacking(
            resources, "Events::Rule", that=lambda rule: all("DeadLetterConfig" in each for each in rule["Targets"])
        )
    )


def test_whatever_fails_for_good_is_kept(prod, broken):
    assert given_up(prod) == set()
    for title, *path in (
        ("data.OrderQueue", "Properties", "RedrivePolicy"),
        ("compute.OrdersStreamToEvents", "Properties", "DestinationConfig"),
        ("compute.OrderFilesRule", "Properties", "Targets", 0, "DeadLetterConfig"),
    ):
        assert given_up(broken(title, *path)) == {title}


@pytest.fixture(scope="module")
def alarms(monitoring) -> dict[str, dict]:
    return alarms_of(monitoring, "prod")


def test_every_dead_letter_queue_is_watched(templates, alarms):
    assert unwatched(templates, alarms) == set()
    for name, queue in (("rejected-orders", "OrderQueueDLQ"), ("failed-imports", "OrderImportDLQ")):
        assert unwatched(templates, {key: each for key, each in alarms.items() if key != name}) == {queue}


def test_every_function_has_its_alarms(alarms):
    assert unwatched_functions(alarms) == set()
    fewer = {key: each for key, each in alarms.items() if key != "orders-import-throttles"}
    assert unwatched_functions(fewer) == {("orders-import", "Throttles")}


def test_every_alarm_is_heard_once(alarms):
    assert heard_twice_or_never(alarms) == set()
    fewer = {key: each for key, each in alarms.items() if key != "import-path"}
    assert {"import-failures", "orders-import-errors"} <= heard_twice_or_never(fewer)


def unheard_topics(resources: Resources) -> set[str]:
    """Topics of alerts to which nobody is subscribed."""
    heard = {each["Properties"]["TopicArn"] for each in of(resources, "SNS::Subscription").values()}
    return {title for title in of(resources, "SNS::Topic") if "Alerts" in title and title.split(".")[1] not in heard}


def test_somebody_is_told(prod, broken):
    assert unheard_topics(prod) == set()
    assert unheard_topics(broken("monitoring.AlertEmailSubscription")) == {"monitoring.AlertsTopic"}


def test_orders_and_alerts_go_to_topics_of_their_own(prod, alarms):
    assert set(of(prod, "SNS::Topic")) == {"data.OrderEvents", "monitoring.AlertsTopic"}
    assert all(each.get("AlarmActions", ["AlertsTopic"]) == ["AlertsTopic"] for each in alarms.values())


def test_placing_orders_cannot_be_starved_by_other_functions(prod, broken):
    def unreserved(resources: Resources) -> set[str]:
        command = {"compute.OrdersCommandFunction": resources["compute.OrdersCommandFunction"]}
        return lacking(
            command, "Lambda::Function", that=lambda each: int(each.get("ReservedConcurrentExecutions", 0)) >= 100
        )

    assert unreserved(prod) == set()
    path = ("compute.OrdersCommandFunction", "Properties", "ReservedConcurrentExecutions")
    assert unreserved(broken(*path)) == {"compute.OrdersCommandFunction"}
