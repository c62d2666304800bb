"""Bulk import: where files are stored and for how long, what invokes the importer, and where failures go."""

import json

import pytest

from config import environment
from contract import imports
from generator import uploads
from generator.functions import BY_KEY
from tests.unit.templates.support import evaluate, everywhere, of_type, root_parameters

DAY, HOUR = 24 * 3600, 3600
HANDED_ON = {"UploadBucketName": "uploads", "UploadBucketArn": "arn:aws:s3:::uploads", "OrderImportDlqArn": "dlq-arn"}


def bucket_of(data, name: str = "dev", **changes) -> dict:
    return evaluate(data, data["Resources"]["UploadBucket"]["Properties"], root_parameters(name, **changes))


def properties_of(compute, title: str) -> dict:
    return evaluate(compute, compute["Resources"][title]["Properties"], {**root_parameters("dev"), **HANDED_ON})


# Bucket


def test_the_bucket_is_closed_to_the_public_and_owns_what_is_uploaded(data):
    bucket = bucket_of(data)
    blocks = {"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"}
    assert bucket["PublicAccessBlockConfiguration"] == dict.fromkeys(blocks, True)
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_the_bucket_is_encrypted_with_a_key_that_every_uploader_may_use(data):
    (rule,) = bucket_of(data)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_neither_the_bucket_nor_its_objects_can_be_reached_over_plain_http(data):
    policy = evaluate(data, data["Resources"]["UploadBucketPolicy"]["Properties"], {"UploadBucket.Arn": "bucket-arn"})
    statement, *_ = policy["PolicyDocument"]["Statement"]
    assert policy["Bucket"] == "UploadBucket"
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", ["s3:*"])
    assert statement["Resource"] == ["UploadBucket.Arn", "bucket-arn/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_file_that_is_replaced_stays_as_a_version_and_is_imported(data):
    assert bucket_of(data)["VersioningConfiguration"] == {"Status": "Enabled"}


def test_the_bucket_notifies_eventbridge_only(data):
    assert bucket_of(data)["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


# How long it is kept


def rules_of(data, name: str = "dev", **changes) -> list[dict]:
    rules = bucket_of(data, name, **changes)["LifecycleConfiguration"]["Rules"]
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    return rules


def setting(rules: list[dict], name: str):
    """What the one rule that has it says, which must be for every key."""
    (rule,) = (rule for rule in rules if name in rule)
    assert not {"Prefix", "TagFilters", "ObjectSizeGreaterThan", "ObjectSizeLessThan"} & set(rule)
    return rule[name]


@pytest.mark.parametrize("name", environment.available())
def test_files_and_reports_expire_and_no_later_than_the_orders_that_were_in_them(data, name):
    days = int(setting(rules_of(data, name), "ExpirationInDays"))
    assert days == environment.load(name).imports.retention_days <= environment.load(name).data.order_ttl_days


def test_an_environment_sets_how_long_files_are_kept(data):
    assert setting(rules_of(data, UploadRetentionDays="3"), "ExpirationInDays") == "3"


def test_versions_and_parts_that_no_listing_shows_are_removed(data):
    rules = rules_of(data)
    assert setting(rules, "NoncurrentVersionExpiration") == {"NoncurrentDays": uploads.OLD_VERSION_DAYS}
    assert setting(rules, "ExpiredObjectDeleteMarker") is True
    assert 1 <= setting(rules, "AbortIncompleteMultipartUpload")["DaysAfterInitiation"] <= 7
    # S3 refuses both in one rule.
    assert not [rule for rule in rules if {"ExpirationInDays", "ExpiredObjectDeleteMarker"} <= set(rule)]


def test_a_file_that_a_dead_letter_names_is_there_for_as_long_as_the_letter(data, compute):
    (target,) = properties_of(compute, "OrderFilesRule")["Targets"]
    kept = data["Resources"]["OrderImportDLQ"]["Properties"]["MessageRetentionPeriod"]
    undelivered = target["RetryPolicy"]["MaximumEventAgeInSeconds"]
    throttled = properties_of(compute, "OrdersImportInvokeConfig")["MaximumEventAgeInSeconds"]
    worked_on = imports.MAX_INVOCATIONS * BY_KEY["orders_import"].timeout
    old_versions = setting(rules_of(data), "NoncurrentVersionExpiration")["NoncurrentDays"]
    assert kept + undelivered + throttled + worked_on <= old_versions * DAY


# What invokes the importer


def matches(pattern: dict, event: dict) -> bool:
    """EventBridge's patterns, as far as they are used here: fields, literals, prefixes."""
    return all(
        field in event
        and (
            matches(wanted, event[field])
            if isinstance(wanted, dict)
            else any(
                event[field].startswith(rule["prefix"]) if isinstance(rule, dict) else event[field] == rule
                for rule in wanted
            )
        )
        for field, wanted in pattern.items()
    )


def uploaded(key: str = "orders/a.json", bucket: str = "uploads", **changes) -> dict:
    """The event of an uploaded object, as S3 sends it."""
    detail = {"bucket": {"name": bucket}, "object": {"key": key, "size": 2, "version-id": "v1"}, "reason": "PutObject"}
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-11-21T09:00:00Z",
        "detail": detail,
        **changes,
    }


@pytest.mark.parametrize("key", ["orders/a.json", "orders/2026/11/21/ä b.csv.gz", imports.UPLOAD_PREFIX + "x"])
def test_a_file_among_the_orders_is_imported(compute, key):
    assert matches(properties_of(compute, "OrderFilesRule")["EventPattern"], uploaded(key))


@pytest.mark.parametrize(
    "event",
    [
        uploaded(imports.report_key("orders/a.json", "v1")),
        uploaded(imports.rejected_key("orders/a.json", "v1", 1, 2)),
        uploaded("a.json"),
        uploaded(bucket="another"),
        uploaded(**{"detail-type": "Object Deleted"}),
        uploaded(source="partner"),
    ],
)
def test_reports_and_what_is_no_upload_to_this_bucket_are_not(compute, event):
    assert not matches(properties_of(compute, "OrderFilesRule")["EventPattern"], event)


def test_only_this_environments_rule_may_have_eventbridge_invoke_the_importer(compute):
    permission = properties_of(compute, "OrderFilesRulePermission")
    rule = properties_of(compute, "OrderFilesRule")["Name"]
    assert permission == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": "OrdersImportAlias",
        "Principal": "events.amazonaws.com",
        "SourceArn": f"arn:aws:events:us-east-1:123456789012:rule/{rule}",
    }
    assert len(of_type(compute, "Lambda::Permission")) == len(of_type(compute, "Events::Rule")) == 1


def test_an_event_is_delivered_for_a_day_and_then_kept(compute):
    rule = properties_of(compute, "OrderFilesRule")
    (target,) = rule["Targets"]
    assert rule["State"] == "ENABLED"
    assert target["Arn"] == "OrdersImportAlias"
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 24 * HOUR}
    assert target["DeadLetterConfig"] == {"Arn": "dlq-arn"}


# What becomes of failures


def test_an_import_that_fails_for_good_is_kept_in_the_dead_letter_queue(compute):
    assert properties_of(compute, "OrdersImportInvokeConfig") == {
        "FunctionName": "OrdersImportFunction",
        "Qualifier": "live",
        "MaximumRetryAttempts": 2,
        "MaximumEventAgeInSeconds": 6 * HOUR,
        "DestinationConfig": {"OnFailure": {"Destination": "dlq-arn"}},
    }


@pytest.mark.parametrize("name", environment.available())
def test_the_rule_and_no_other_may_send_to_the_dead_letter_queue(templates, name):
    data, compute, parameters = templates["data"], templates["compute"], root_parameters(name)
    rule = evaluate(compute, compute["Resources"]["OrderFilesRule"]["Properties"]["Name"], parameters)
    assert rule == f"food-delivery-{name}-order-files"
    statements = data["Resources"]["OrderImportDLQPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    (allowed,) = (statement for statement in statements if statement["Effect"] == "Allow")
    resolved = evaluate(data, allowed, parameters)
    assert resolved["Principal"] == {"Service": "events.amazonaws.com"}
    assert (resolved["Action"], resolved["Resource"]) == (["sqs:SendMessage"], ["OrderImportDLQ.Arn"])
    assert resolved["Condition"] == {
        "ArnEquals": {"aws:SourceArn": f"arn:aws:events:us-east-1:123456789012:rule/{rule}"},
        "StringEqualsIfExists": {"aws:SourceAccount": "123456789012"},
    }


def test_the_rules_name_fits_for_the_longest_name_of_an_environment(compute):
    name = evaluate(compute, compute["Resources"]["OrderFilesRule"]["Properties"]["Name"], {"Environment": "e" * 20})
    assert len(name) <= 64


# Handing on

LAMBDAS_LIMIT = 16


def test_a_file_is_done_before_lambda_would_take_its_invocations_for_a_runaway_loop(templates):
    assert imports.MAX_INVOCATIONS < LAMBDAS_LIMIT
    switched_off = [path for path, _ in everywhere(templates["compute"]) if path and path[-1] == "RecursiveLoop"]
    assert switched_off == []  # the default is to stop one


def test_only_the_importer_invokes_itself(compute):
    invoking = [
        (title, statement["Resource"])
        for title, resource in compute["Resources"].items()
        for path, value in everywhere(resource)
        if path and path[-1] == "Statement"
        for statement in value
        if "lambda:InvokeFunction" in statement["Action"]
    ]
    assert invoking == [("OrdersImportSelfInvocation", [{"Ref": "OrdersImportAlias"}])]
    assert compute["Resources"]["OrdersImportSelfInvocation"]["Properties"]["Roles"] == [{"Ref": "OrdersImportRole"}]


def test_files_wait_in_the_queue_and_not_for_reserved_concurrency(compute):
    assert "ReservedConcurrentExecutions" not in properties_of(compute, "OrdersImportFunction")


def test_the_rules_pattern_is_within_eventbridges_limit(compute):
    assert len(json.dumps(properties_of(compute, "OrderFilesRule")["EventPattern"])) <= 2048
