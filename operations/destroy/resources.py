"""The resources of an environment: which a deletion retains, and how much data they store.

They are found in the environment's stack, and by the tags that CloudFormation propagates, which remain on
resources that an earlier stack retained.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from config import names
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.plan.resolve import Scope
from deployer.plan.snapshot import Snapshot
from deployer.stacks import reading

if TYPE_CHECKING:
    from mypy_boto3_resourcegroupstaggingapi.type_defs import TagFilterTypeDef
    from mypy_boto3_sqs.literals import QueueAttributeFilterType

TABLE, BUCKET, QUEUE = "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue"
_UNITS = {TABLE: "item", BUCKET: "object version", QUEUE: "message"}
_RETAINING = ("Retain", "RetainExceptOnCreate")
_STACK_TAG = "aws:cloudformation:stack-name"
_TYPE_BY_SERVICE = {"dynamodb": TABLE, "s3": BUCKET, "sqs": QUEUE}
_TAGGED_TYPES = ("dynamodb:table", "s3", "sqs")
_MESSAGES: Sequence["QueueAttributeFilterType"] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
MAX_COUNT = 10_000
"""Counting a bucket's object versions ends here, after ten requests."""


@dataclass(frozen=True)
class Resource:
    """A resource that exists. `stack`: logical ids of the nested stacks above it; () is the root, or no stack.
    `retained`: a deletion of the stack does not delete it."""

    stack: tuple[str, ...]
    logical_id: str
    type: str
    physical_id: str
    retained: bool

    @property
    def path(self) -> str:
        return "/".join((*self.stack, self.logical_id))


@dataclass(frozen=True)
class DataResource:
    """A table, bucket or queue. `count`: of items (up to six hours old), messages (approximate) or object versions
    (exact up to MAX_COUNT). `protected`: DynamoDB's deletion protection is on."""

    resource: Resource
    count: int
    protected: bool = False

    @property
    def type(self) -> str:
        return self.resource.type

    @property
    def id(self) -> str:
        return self.resource.physical_id

    @property
    def amount(self) -> str:
        unit = f"{_UNITS[self.type]}{'s' * (self.count != 1)}"
        if self.type == BUCKET:
            return f"more than {MAX_COUNT:,} {unit}" if self.count > MAX_COUNT else f"{self.count:,} {unit}"
        return f"about {self.count:,} {unit}"


def of_stack(aws: Aws, stack: Mapping[str, Any]) -> list[Resource]:
    """Return all resources of a stack, a DescribeStacks entry, and of its nested stacks."""
    return of_tree(reading.deployed(aws, stack), dict(_summaries(aws, stack["StackId"], ())))


def _summaries(
    aws: Aws, stack_id: str, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], list[Mapping[str, Any]]]]:
    found = list(reading.resources(aws, stack_id))
    yield path, found
    for summary in found:
        if summary["ResourceType"] == reading.STACK:
            yield from _summaries(aws, summary["PhysicalResourceId"], (*path, summary["LogicalResourceId"]))


def of_tree(
    tree: Snapshot,
    summaries: Mapping[tuple[str, ...], Iterable[Mapping[str, Any]]],
    stack: tuple[str, ...] = (),
    retained: bool = False,
) -> list[Resource]:
    """Return the resources of a tree of stacks from the ListStackResources summaries of each. Pure.

    `retained`: a DeletionPolicy retains the whole tree. A resource that an earlier deletion skipped is retained.
    One that the template no longer has is deleted: it is left from a clean-up that failed.
    """
    scope = Scope(tree.template, tree.parameters)
    found = []
    for summary in summaries.get(stack, ()):
        logical_id, kind = summary["LogicalResourceId"], summary["ResourceType"]
        definition = tree.template.get("Resources", {}).get(logical_id, {})
        keeps = (
            retained
            or summary["ResourceStatus"] == "DELETE_SKIPPED"
            or scope.resolve(definition.get("DeletionPolicy")) in _RETAINING
        )
        if kind == reading.STACK:
            child = tree.children.get(logical_id, Snapshot())
            found += of_tree(child, summaries, (*stack, logical_id), keeps)
        else:
            found.append(Resource(stack, logical_id, kind, summary["PhysicalResourceId"], keeps))
    return found


def with_data(aws: Aws, resources: Iterable[Resource]) -> list[DataResource]:
    """Count the data of those that are tables, buckets or queues; leave out those that no longer exist."""
    return [data for resource in resources if resource.type in _COUNT for data in _count(aws, resource)]


def _count(aws: Aws, resource: Resource) -> Iterator[DataResource]:
    try:
        yield _COUNT[resource.type](aws, resource)
    except Exception as error:
        if not service_errors.is_missing(error):
            raise


def _count_table(aws: Aws, resource: Resource) -> DataResource:
    table = aws.client("dynamodb").describe_table(TableName=resource.physical_id)["Table"]
    return DataResource(resource, table.get("ItemCount", 0), table.get("DeletionProtectionEnabled", False))


def _count_bucket(aws: Aws, resource: Resource) -> DataResource:
    count = 0
    for page in aws.client("s3").get_paginator("list_object_versions").paginate(Bucket=resource.physical_id):
        count += len(page.get("Versions", ())) + len(page.get("DeleteMarkers", ()))
        if count > MAX_COUNT:
            break
    return DataResource(resource, count)


def _count_queue(aws: Aws, resource: Resource) -> DataResource:
    sqs = aws.client("sqs")
    found = sqs.get_queue_attributes(QueueUrl=resource.physical_id, AttributeNames=list(_MESSAGES))["Attributes"]
    return DataResource(resource, sum(int(count) for count in found.values()))


_COUNT = {TABLE: _count_table, BUCKET: _count_bucket, QUEUE: _count_queue}


def tagged(aws: Aws, environment: str) -> list[Resource]:
    """Return the environment's tables, buckets and queues by their tags, as retained resources of no stack.

    Some may no longer exist, since the tagging service lags. Resources without CloudFormation's own tag, such as
    those that people tag with the project's name for cost reports, are not the platform's.
    """
    wanted = names.tags(environment)
    filters: list[TagFilterTypeDef] = [{"Key": key, "Values": [value]} for key, value in wanted.items()]
    pages = aws.client("resourcegroupstaggingapi").get_paginator("get_resources")
    return [
        resource
        for page in pages.paginate(TagFilters=[*filters, {"Key": _STACK_TAG}], ResourceTypeFilters=_TAGGED_TYPES)
        for entry in page["ResourceTagMappingList"]
        for resource in _from_tags(
            aws, entry["ResourceARN"], {tag["Key"]: tag["Value"] for tag in entry["Tags"]}, environment
        )
    ]


def _from_tags(aws: Aws, arn: str, tags: Mapping[str, str], environment: str) -> Iterator[Resource]:
    if not tags.get(_STACK_TAG, "").startswith(names.root_stack(environment)):
        return
    _, _, service, _, _, identity = arn.split(":", 5)
    kind, name = _TYPE_BY_SERVICE[service], identity.removeprefix("table/")
    if kind == QUEUE:
        try:
            name = aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
        except Exception as error:
            if not service_errors.is_missing(error):
                raise
            return
    yield Resource((), tags.get("aws:cloudformation:logical-id", name), kind, name, retained=True)
