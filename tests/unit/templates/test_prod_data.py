"""Production: no data can be lost, read or used by whom it does not concern.

Each test removes the safeguard of one resource and expects that resource to be named.
"""

from tests.unit.templates.production import Resources, lacking, of, statements


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


def test_personal_data_is_encrypted_at_rest(prod, broken):
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


def test_no_policy_allows_an_unknown_principal(prod, broken):
    assert open_to_anybody(prod) == set()
    statement = {"Effect": "Allow", "Principal": "*", "Action": ["sqs:SendMessage"], "Resource": ["*"]}
    path = ("Properties", "PolicyDocument", "Statement")
    assert open_to_anybody(broken("data.OrderQueuePolicy", *path, to=[statement])) == {"data.OrderQueuePolicy"}
    path = ("compute.OrderFilesRulePermission", "Properties", "SourceArn")
    assert open_to_anybody(broken(*path)) == {"compute.OrderFilesRulePermission"}
