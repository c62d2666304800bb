"""What the stateful resources of an environment hold: how many items, object versions, messages.

They are found in two ways: in the environment's stack, and by the tags that CloudFormation handed down to them,
which stay on what a stack has left behind, today or a year ago.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from config import names
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.commands.destroy.deletion_outcomes import Fate

TABLE, BUCKET, QUEUE = "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue"
_UNITS = {TABLE: "item", BUCKET: "object version", QUEUE: "message"}
_STACK_TAG = "aws:cloudformation:stack-name"
_TAGGED = {"dynamodb:table": TABLE, "s3": BUCKET, "sqs": QUEUE}
COUNTED = 10_000
"""A bucket's object versions are counted so far and no further: ten requests."""


@dataclass(frozen=True)
class Holding:
    """A resource that holds data. `number`: an estimate, as DynamoDB (six hours old) and SQS give it;
    of a bucket exact up to COUNTED. `protected`: the service itself refuses to delete it."""

    fate: Fate
    number: int
    protected: bool = False

    @property
    def type(self) -> str:
        return self.fate.type

    @property
    def id(self) -> str:
        return self.fate.physical_id

    @property
    def amount(self) -> str:
        unit = f"{_UNITS[self.type]}{'s' * (self.number != 1)}"
        if self.type == BUCKET:
            return f"more than {COUNTED:,} {unit}" if self.number > COUNTED else f"{self.number:,} {unit}"
        return f"about {self.number:,} {unit}"


def read(aws: Aws, fates: Iterable[Fate]) -> list[Holding]:
    """Of each table, bucket and queue among them that still exists."""
    return [holding for fate in fates if fate.type in _UNITS for holding in _look(aws, fate)]


def _look(aws: Aws, fate: Fate) -> Iterator[Holding]:
    try:
        yield _LOOK[fate.type](aws, fate)
    except Exception as error:
        if not service_errors.is_missing(error):
            raise


def _table(aws: Aws, fate: Fate) -> Holding:
    table = aws.client("dynamodb").describe_table(TableName=fate.physical_id)["Table"]
    return Holding(fate, table.get("ItemCount", 0), table.get("DeletionProtectionEnabled", False))


def _bucket(aws: Aws, fate: Fate) -> Holding:
    number = 0
    for page in aws.client("s3").get_paginator("list_object_versions").paginate(Bucket=fate.physical_id):
        number += len(page.get("Versions", ())) + len(page.get("DeleteMarkers", ()))
        if number > COUNTED:
            break
    return Holding(fate, number)


def _queue(aws: Aws, fate: Fate) -> Holding:
    wanted = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    found = aws.client("sqs").get_queue_attributes(QueueUrl=fate.physical_id, AttributeNames=wanted)
    return Holding(fate, sum(int(number) for number in found["Attributes"].values()))


_LOOK = {TABLE: _table, BUCKET: _bucket, QUEUE: _queue}


def tagged(aws: Aws, environment: str) -> list[Fate]:
    """The environment's tables, buckets and queues by their tags, in a stack or not; some may be gone already,
    for the tagging service lags. They are called kept: no deletion of a stack is known to take them.

    What people tag with the project's name to see its cost is not ours: only CloudFormation sets its own tags.
    """
    wanted = {"Project": names.PROJECT, "Environment": environment}
    pages = (
        aws.client("resourcegroupstaggingapi")
        .get_paginator("get_resources")
        .paginate(
            TagFilters=[{"Key": key, "Values": [value]} for key, value in wanted.items()] + [{"Key": _STACK_TAG}],
            ResourceTypeFilters=list(_TAGGED),
        )
    )
    return [
        fate
        for page in pages
        for entry in page["ResourceTagMappingList"]
        for fate in _fate(aws, entry["ResourceARN"], {tag["Key"]: tag["Value"] for tag in entry["Tags"]}, environment)
    ]


def _fate(aws: Aws, arn: str, tags: Mapping[str, str], environment: str) -> Iterator[Fate]:
    if not tags.get(_STACK_TAG, "").startswith(names.root_stack(environment)):
        return
    _, _, service, _, _, resource = arn.split(":", 5)
    kind = next(kind for tag, kind in _TAGGED.items() if tag.split(":")[0] == service)
    name = resource.removeprefix("table/")
    if kind == QUEUE:
        try:
            name = aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
        except aws.client("sqs").exceptions.QueueDoesNotExist:
            return
    yield Fate((), tags.get("aws:cloudformation:logical-id", name), kind, name, kept=True)
