"""Find names of new resources that exist already, and resource types whose limit is reached.

CloudFormation finds most of them too, but only after the upload, and the emulator only during the deployment. Checks
names that are in the templates; a name that depends on a resource to be created is not known yet.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.plan.snapshot import Resource

_SHOWN = 3


@dataclass(frozen=True)
class NameConflict:
    """A name that exists. `holder`: path of the resource in this environment that has it now; "" if none does."""

    resource: Resource
    what: str
    name: str
    holder: str
    command: str

    def __str__(self) -> str:
        return f"{self.what} {self.name} ({self.resource.path})"


@dataclass(frozen=True)
class LimitReached:
    """A kind whose limit for account and region is reached. `resource`: one that would exceed it."""

    resource: Resource
    kind: "ResourceKind"

    def __str__(self) -> str:
        return f"the limit of {self.kind.limit} {self.kind.plural} in this account and region is reached ({self.resource.path} exceeds it)"


class Found(NamedTuple):
    """`unchecked`: the kinds that could not be checked, with the reason."""

    conflicts: tuple[NameConflict, ...] = ()
    limits_reached: tuple[LimitReached, ...] = ()
    unchecked: tuple[str, ...] = ()


def find(aws: Aws, added: Iterable[Resource], now: Iterable[Resource]) -> Found:
    """Return the name conflicts of `added`, and the limits that they exceed. Lists each kind once, only if needed."""
    holders = {(each.type, name): each.path for each in now if (name := name_of(each))}
    wanted: dict[ResourceKind, dict[str, Resource]] = {}
    for resource in added:
        if name := name_of(resource):
            wanted.setdefault(KINDS[resource.type], {})[name] = resource
    conflicts: list[NameConflict] = []
    limits_reached: list[LimitReached] = []
    unchecked: list[str] = []
    for kind, resources in wanted.items():
        try:
            names = set(kind.look(aws, sorted(resources)))
        except Exception as error:
            if not (reason := service_errors.reason(error)):
                raise
            unchecked.append(f"{kind.plural} ({reason})")
            continue
        for name, resource in resources.items():
            if name in names:
                holder = holders.get((resource.type, name), "")
                conflicts.append(NameConflict(resource, kind.what, name, holder, kind.command.format(name)))
        if kind.limit and len(names.union(resources)) > kind.limit:
            limits_reached.append(LimitReached(next(iter(resources.values())), kind))
    return Found(tuple(conflicts), tuple(limits_reached), tuple(unchecked))


def refuse(
    conflicts: Sequence[NameConflict], limits_reached: Sequence[LimitReached], cli: Callable[[str], str]
) -> None:
    """Raise Failure(PREFLIGHT) for conflicts and limits. `cli`: from what follows `aws` to the complete command."""
    if conflicts:
        raise _conflict(conflicts, cli)
    if limits_reached:
        kind = limits_reached[0].kind
        raise Failure(
            Exit.PREFLIGHT,
            str(limits_reached[0]),
            "delete an unused one, or deploy to another region or account: "
            f"{cli(kind.show.removeprefix('aws '))}, then {cli(kind.command.format('NAME').removeprefix('aws '))}",
        )


def _conflict(conflicts: Sequence[NameConflict], cli: Callable[[str], str]) -> Failure:
    shown = ", ".join(map(str, conflicts[:_SHOWN])) + (
        f" and {len(conflicts) - _SHOWN} more" if len(conflicts) > _SHOWN else ""
    )
    foreign = [each for each in conflicts if not each.holder]
    if foreign:
        hint = (
            "not in this stack, perhaps retained from a destroyed environment; inspect it, then, for example: "
            f"{cli(foreign[0].command.removeprefix('aws '))}"
        )
    else:
        hint = (
            f"{conflicts[0].holder} has it, and CloudFormation creates new resources before it deletes old ones: keep the "
            "logical id, or deploy twice, first without the old resource"
        )
    return Failure(Exit.PREFLIGHT, f"names exist already: {shown}", hint)


def name_of(resource: Resource) -> str:
    """Return the name that the template gives the resource; "" if it has none or it is not known yet."""
    name: Any = resource.properties if (kind := KINDS.get(resource.type)) else None
    for key in kind.name_property.split(".") if kind else ():
        name = name.get(key) if isinstance(name, Mapping) else None
    return name if isinstance(name, str) else ""


Look = Callable[[Aws, list[str]], Iterable[str]]


@dataclass(frozen=True)
class ResourceKind:
    """A resource type with names, in the property at the path `name_property`.

    `look` receives names and yields existing names, possibly also others.

    `command`: the next command for a conflict: it deletes the resource or, if that would lose data, describes it.
    `limit`: for an account and region; if set, `look` yields all existing names, and the command `show` lists them.
    """

    what: str
    name_property: str
    look: Look
    command: str
    limit: int | None = None
    show: str = ""

    @property
    def plural(self) -> str:
        return f"{self.what[:-1]}ies" if self.what.endswith("y") else f"{self.what}s"


def _pages(aws: Aws, service: str, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
    client: Any = aws.client(service)  # type: ignore[call-overload]  # boto3's stubs know literal names only
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page.get(key, [])


def _prefixed(argument: str, names: list[str]) -> dict[str, str]:
    """Return {argument: common prefix}, {} without one. `names` are sorted, so the first and last determine it."""
    first, last = names[0], names[-1]
    length = next(
        (index for index, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first)
    )
    prefix = first[:length]
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
        wanted: Any = {"AlarmNames": names[start : start + 100], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
        for page in client.get_paginator("describe_alarms").paginate(**wanted):
            for alarm in page.get("MetricAlarms", []) + page.get("CompositeAlarms", []):
                yield alarm["AlarmName"]


def _dashboards(aws: Aws, names: list[str]) -> Iterator[str]:
    boards = _pages(aws, "cloudwatch", "list_dashboards", "DashboardEntries", **_prefixed("DashboardNamePrefix", names))
    return (board["DashboardName"] for board in boards)


def _web_acls(aws: Aws, names: list[str]) -> Iterator[str]:
    """boto3 has no paginator; the last page may have a marker too."""
    page: Any = aws.client("wafv2").list_web_acls(Scope="REGIONAL")
    while page.get("WebACLs"):
        yield from (acl["Name"] for acl in page["WebACLs"])
        marker = page.get("NextMarker")
        page = aws.client("wafv2").list_web_acls(Scope="REGIONAL", NextMarker=marker) if marker else {}


def _trace_policies(aws: Aws, names: list[str]) -> Iterable[str]:
    if aws.local:
        return []  # the emulator has no X-Ray
    return (policy["PolicyName"] for policy in _pages(aws, "xray", "list_resource_policies", "ResourcePolicies"))


def _sampling_rules(aws: Aws, names: list[str]) -> Iterable[str]:
    if aws.local:
        return []  # the emulator has no X-Ray
    records = _pages(aws, "xray", "get_sampling_rules", "SamplingRuleRecords")
    return (record["SamplingRule"]["RuleName"] for record in records)


def _one_by_one(service: str, operation: str, argument: str, member: str) -> Look:
    """Look up names one by one, for services without a prefix. `member` is in every response of the operation."""

    def look(aws: Aws, names: list[str]) -> Iterator[str]:
        client: Any = aws.client(service)  # type: ignore[call-overload]  # boto3's stubs know literal names only
        for name in names:
            try:
                getattr(client, operation)(**{argument: name})[member]
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
    "AWS::XRay::SamplingRule": ResourceKind(
        "X-Ray sampling rule",
        "SamplingRule.RuleName",
        _sampling_rules,
        "aws xray delete-sampling-rule --rule-name {}",
    ),
}
