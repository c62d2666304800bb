"""Names that are to be given to new resources but belong to something already, and kinds of which there may be no more.

CloudFormation finds most of them, too, but after everything was uploaded, and the emulator only half way
through. Only names that stand in the templates can be taken; one that hangs on something that is not
made yet cannot be known.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.plan.snapshot import Resource

_SHOWN = 3


@dataclass(frozen=True)
class NameConflict:
    """`holder`: path of the resource in this stack that has the name now and loses it, "" for a stranger."""

    resource: Resource
    what: str
    name: str
    holder: str
    command: str

    def __str__(self) -> str:
        return f"{self.what} {self.name} ({self.resource.path})"


@dataclass(frozen=True)
class LimitReached:
    """A kind of which the account has as many in the region as it may. `resource`: one that needs another."""

    resource: Resource
    kind: "ResourceKind"

    def __str__(self) -> str:
        return f"as many {self.kind.plural} as an account may have in a region, {self.kind.limit} ({self.resource.path} needs another)"


class Found(NamedTuple):
    """`unseen`: the kinds that could not be looked at, with the reason."""

    conflicts: tuple[NameConflict, ...] = ()
    limits_reached: tuple[LimitReached, ...] = ()
    unseen: tuple[str, ...] = ()


def find(aws: Aws, added: Iterable[Resource], now: Iterable[Resource]) -> Found:
    """Those of `added` whose name exists, and those that are one too many.

    One look per kind, and none for a kind that nothing is added of.
    """
    holders = {(each.type, name): each.path for each in now if (name := name_of(each))}
    wanted: dict[ResourceKind, dict[str, Resource]] = {}
    for resource in added:
        if name := name_of(resource):
            wanted.setdefault(KINDS[resource.type], {})[name] = resource
    conflicts: list[NameConflict] = []
    limits_reached: list[LimitReached] = []
    unseen: list[str] = []
    for kind, resources in wanted.items():
        try:
            names = set(kind.look(aws, sorted(resources)))
        except Exception as error:
            if not (reason := service_errors.reason(error)):
                raise
            unseen.append(f"{kind.plural} ({reason})")
            continue
        for name, resource in resources.items():
            if name in names:
                holder = holders.get((resource.type, name), "")
                conflicts.append(NameConflict(resource, kind.what, name, holder, kind.command.format(name)))
        if kind.limit and len(names.union(resources)) > kind.limit:
            limits_reached.append(LimitReached(next(iter(resources.values())), kind))
    return Found(tuple(conflicts), tuple(limits_reached), tuple(unseen))


def refuse(
    conflicts: Sequence[NameConflict], limits_reached: Sequence[LimitReached], cli: Callable[[str], str]
) -> None:
    """Failure(PREFLIGHT) if a name is taken or a kind is full. `cli`: from what follows `aws` to the whole command."""
    if conflicts:
        raise _conflict(conflicts, cli)
    if limits_reached:
        kind = limits_reached[0].kind
        raise Failure(
            Exit.PREFLIGHT,
            f"there are {limits_reached[0]}",
            "delete one that nobody needs, or deploy to another region or account: "
            f"{cli(kind.show.removeprefix('aws '))}, then {cli(kind.command.format('NAME').removeprefix('aws '))}",
        )


def _conflict(conflicts: Sequence[NameConflict], cli: Callable[[str], str]) -> Failure:
    shown = ", ".join(map(str, conflicts[:_SHOWN])) + (
        f" and {len(conflicts) - _SHOWN} more" if len(conflicts) > _SHOWN else ""
    )
    strangers = [each for each in conflicts if not each.holder]
    if strangers:
        hint = (
            "not of this stack, perhaps left behind by a destroyed environment; look what it is, then, for example: "
            f"{cli(strangers[0].command.removeprefix('aws '))}"
        )
    else:
        hint = (
            f"{conflicts[0].holder} has it, and CloudFormation makes the new before it deletes the old: keep the logical "
            "id, or deploy twice, first without the old"
        )
    return Failure(Exit.PREFLIGHT, f"taken already: {shown}", hint)


def name_of(resource: Resource) -> str:
    """The name that the template gives the resource; "" if none, or one that is not known yet."""
    kind = KINDS.get(resource.type)
    name = resource.properties.get(kind.property) if kind else None
    return name if isinstance(name, str) else ""


Look = Callable[[object, list[str]], Iterable[str]]


@dataclass(frozen=True)
class ResourceKind:
    """`look` gets names and yields names that exist, those among others.

    `command` is the next to type about one: it deletes, or, where that would lose data, shows. Of a kind with a
    `limit` an account may have so many in a region; `look` yields all of them then, and `show` lists them for a person.
    """

    what: str
    property: str
    look: Look
    command: str
    limit: int | None = None
    show: str = ""

    @property
    def plural(self) -> str:
        return f"{self.what[:-1]}ies" if self.what.endswith("y") else f"{self.what}s"


def _pages(aws: Aws, service: str, operation: str, key: str, **arguments) -> Iterator:
    for page in aws.client(service).get_paginator(operation).paginate(**arguments):
        yield from page.get(key, [])


def _prefixed(argument: str, names: list[str]) -> dict[str, str]:
    """{argument: what all of them begin with}, {} if that is nothing. Sorted, so the first and the last decide."""
    first, last = names[0], names[-1]
    prefix = next((first[:place] for place, letter in enumerate(first) if letter != last[place : place + 1]), first)
    return {argument: prefix} if prefix else {}


def _log_groups(aws: Aws, names: list[str]) -> Iterator[str]:
    groups = _pages(aws, "logs", "describe_log_groups", "logGroups", **_prefixed("logGroupNamePrefix", names))
    return (group["logGroupName"] for group in groups)


def _parameters(aws: Aws, names: list[str]) -> Iterator[str]:
    for start in range(0, len(names), 50):
        wanted = [{"Key": "Name", "Option": "Equals", "Values": names[start : start + 50]}]
        for parameter in _pages(aws, "ssm", "describe_parameters", "Parameters", ParameterFilters=wanted):
            yield parameter["Name"]


def _queues(aws: Aws, names: list[str]) -> Iterator[str]:
    urls = _pages(aws, "sqs", "list_queues", "QueueUrls", **_prefixed("QueueNamePrefix", names))
    return (url.rpartition("/")[2] for url in urls)


def _topics(aws: Aws, names: list[str]) -> Iterator[str]:
    return (topic["TopicArn"].rpartition(":")[2] for topic in _pages(aws, "sns", "list_topics", "Topics"))


def _rules(aws: Aws, names: list[str]) -> Iterator[str]:
    rules = _pages(aws, "events", "list_rules", "Rules", **_prefixed("NamePrefix", names))
    return (rule["Name"] for rule in rules)


def _alarms(aws: Aws, names: list[str]) -> Iterator[str]:
    client = aws.client("cloudwatch")
    for start in range(0, len(names), 100):
        wanted = {"AlarmNames": names[start : start + 100], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
        for page in client.get_paginator("describe_alarms").paginate(**wanted):
            for alarm in page.get("MetricAlarms", []) + page.get("CompositeAlarms", []):
                yield alarm["AlarmName"]


def _dashboards(aws: Aws, names: list[str]) -> Iterator[str]:
    boards = _pages(aws, "cloudwatch", "list_dashboards", "DashboardEntries", **_prefixed("DashboardNamePrefix", names))
    return (board["DashboardName"] for board in boards)


def _web_acls(aws: Aws, names: list[str]) -> Iterator[str]:
    """There is no paginator; a marker may come with the last page, too."""
    page = aws.client("wafv2").list_web_acls(Scope="REGIONAL")
    while page.get("WebACLs"):
        yield from (acl["Name"] for acl in page["WebACLs"])
        marker = page.get("NextMarker")
        page = aws.client("wafv2").list_web_acls(Scope="REGIONAL", NextMarker=marker) if marker else {}


def _trace_policies(aws: Aws, names: list[str]) -> Iterable[str]:
    if aws.local:
        return []  # the emulator has no X-Ray
    return (policy["PolicyName"] for policy in _pages(aws, "xray", "list_resource_policies", "ResourcePolicies"))


def _one_by_one(service: str, operation: str, argument: str, member: str) -> Look:
    """For kinds that know no prefix, and of which templates name few. `member` is in every answer of the operation."""

    def look(aws: Aws, names: list[str]) -> Iterator[str]:
        for name in names:
            try:
                getattr(aws.client(service), operation)(**{argument: name})[member]
            except Exception as error:
                if not service_errors.is_missing(error):
                    raise
            else:
                yield name

    return look


_ALARM = ResourceKind("alarm", "AlarmName", _alarms, "aws cloudwatch delete-alarms --alarm-names {}")

KINDS: dict[str, ResourceKind] = {
    "AWS::CloudWatch::Alarm": _ALARM,
    "AWS::CloudWatch::CompositeAlarm": _ALARM,  # they share one space of names
    "AWS::CloudWatch::Dashboard": ResourceKind(
        "dashboard", "DashboardName", _dashboards, "aws cloudwatch delete-dashboards --dashboard-names {}"
    ),
    "AWS::DynamoDB::Table": ResourceKind(
        "table",
        "TableName",
        _one_by_one("dynamodb", "describe_table", "TableName", "Table"),
        "aws dynamodb describe-table --table-name {}",
    ),
    "AWS::Events::Rule": ResourceKind("rule", "Name", _rules, "aws events delete-rule --name {}"),
    "AWS::IAM::Role": ResourceKind(
        "role", "RoleName", _one_by_one("iam", "get_role", "RoleName", "Role"), "aws iam delete-role --role-name {}"
    ),
    "AWS::Lambda::Function": ResourceKind(
        "function",
        "FunctionName",
        _one_by_one("lambda", "get_function_configuration", "FunctionName", "FunctionArn"),
        "aws lambda delete-function --function-name {}",
    ),
    "AWS::Logs::LogGroup": ResourceKind(
        "log group", "LogGroupName", _log_groups, "aws logs delete-log-group --log-group-name {}"
    ),
    "AWS::SNS::Topic": ResourceKind("topic", "TopicName", _topics, "aws sns list-topics"),
    "AWS::SQS::Queue": ResourceKind("queue", "QueueName", _queues, "aws sqs get-queue-url --queue-name {}"),
    "AWS::SSM::Parameter": ResourceKind("parameter", "Name", _parameters, "aws ssm delete-parameter --name {}"),
    "AWS::WAFv2::WebACL": ResourceKind("web ACL", "Name", _web_acls, "aws wafv2 list-web-acls --scope REGIONAL"),
    "AWS::XRay::ResourcePolicy": ResourceKind(
        "X-Ray resource policy",
        "PolicyName",
        _trace_policies,
        "aws xray delete-resource-policy --policy-name {}",
        limit=5,  # X-Ray API reference, PutResourcePolicy
        show="aws xray list-resource-policies",
    ),
}
