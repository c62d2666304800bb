"""Check the permissions for a deployment, of the service role or else of the caller, with IAM's policy simulator.

A provider schema (cfn-lint ships them) declares the actions that each handler of a resource type needs. The list covers
all possible properties, so only actions named for the type itself count: CreateTable for a table. The simulation is for
all resources and misses permissions on some of them, so a denial is a warning, not an error. A service role may be limited
to this project's names, so it is asked about one of them for each action.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.plan.snapshot import Resource, added
from generator import provider_schemas
from generator.bootstrap import scopes

BATCH = 100
"""Actions per SimulatePrincipalPolicy."""

_READS = re.compile(r"Get|List|Describe|Tag|Untag|Lookup|Import")
_UNUSED_TARGETS = {"iam:PutUserPolicy", "iam:PutGroupPolicy", "iam:DeleteUserPolicy", "iam:DeleteGroupPolicy"}
"""AWS::IAM::Policy needs them for users and groups; this project's policies are for roles."""
OWN: tuple[str, ...] = (
    *("cloudformation:CreateChangeSet", "cloudformation:DescribeChangeSet", "cloudformation:ExecuteChangeSet"),
    *("cloudformation:DeleteChangeSet", "cloudformation:ListChangeSets", "cloudformation:DescribeStacks"),
    *("cloudformation:DescribeStackEvents", "cloudformation:DescribeEvents", "cloudformation:GetTemplate"),
    *("cloudformation:ListStackResources", "s3:GetObject", "s3:PutObject", "s3:ListBucket", "ssm:PutParameter"),
    "cloudwatch:DescribeAlarms",
)
"""What every deployment calls."""

DEPLOYER = "the deployer itself"


@dataclass(frozen=True)
class Denial:
    """A denied action. `explicit`: by a Deny, not for lack of an Allow. `types`: resource types that need it."""

    action: str
    types: tuple[str, ...]
    explicit: bool

    def __str__(self) -> str:
        more = f" and {len(self.types) - 1} more" if len(self.types) > 1 else ""
        return f"{self.action} ({self.types[0]}{more})"


@dataclass(frozen=True)
class Permissions:
    """The result. `unchecked`: why the check was not possible, "" if it was. `who` was asked about."""

    denials: tuple[Denial, ...] = ()
    unchecked: str = ""
    who: str = "you"

    def warnings(self) -> list[str]:
        """Return a line for each kind of denial."""
        if self.unchecked:
            return [f"permissions not checked: {self.unchecked}"]
        lines = []
        for explicit, words in (
            (True, f"denied to {self.who} by a policy"),
            (False, f"not allowed to {self.who} on every resource"),
        ):
            denials = [str(denial) for denial in self.denials if denial.explicit is explicit]
            more = f" and {len(denials) - 5} more" if len(denials) > 5 else ""
            lines += [f"{words}: {', '.join(denials[:5])}{more}"] if denials else []
        return lines


def check(
    aws: Aws, caller: str, environment: str, now: Mapping[str, Resource], then: Mapping[str, Resource]
) -> Permissions:
    """Simulate the actions that turn `now` into `then`. `caller`: the ARN of GetCallerIdentity.

    If the simulation fails, returns why it was not checked.
    """
    if aws.local:
        return Permissions()  # the emulator has no simulator
    actions = needed(now, then, aws.region)
    try:
        if aws.service_role:
            denials = list(_simulate_service_role(aws, aws.service_role, environment, actions))
        else:
            denials = list(_simulate(aws, _source(aws, caller), actions))
    except _NotSupported as unsupported:
        return Permissions(unchecked=str(unsupported))
    except Exception as error:
        if not service_errors.reason(error):
            raise
        return Permissions(unchecked=service_errors.reason(error))
    who = "the service role" if aws.service_role else "you"
    return Permissions(tuple(sorted(denials, key=lambda denial: (not denial.explicit, denial.action))), who=who)


def needed(now: Mapping[str, Resource], then: Mapping[str, Resource], region: str) -> dict[str, tuple[str, ...]]:
    """Return action -> resource types that need it, including the deployer's own calls."""
    found: dict[str, set[str]] = {action: {DEPLOYER} for action in OWN}
    for resource, handler in _handled(now, then):
        listed = (
            provider_schemas.read(resource.type, region).get("handlers", {}).get(handler, {}).get("permissions", [])
        )
        for action in filter(lambda action: _is_for(action, resource, handler), listed):
            found.setdefault(action, set()).add(resource.type)
    return {action: tuple(sorted(kinds)) for action, kinds in sorted(found.items())}


def _handled(now: Mapping[str, Resource], then: Mapping[str, Resource]) -> Iterator[tuple[Resource, str]]:
    """Yield each changed resource with the handler that CloudFormation calls; a replacement counts as update."""
    yield from ((each, "create") for each in added(now, then))
    yield from ((each, "delete") for each in added(then, now))
    for path in now.keys() & then.keys():
        if now[path].type == then[path].type and now[path].properties != then[path].properties:
            yield then[path], "update"


def _is_for(action: str, resource: Resource, handler: str) -> bool:
    """Return True if the action's name suggests that the resource always needs it."""
    _, service, kind = resource.type.split("::")
    prefix, _, name = action.partition(":")
    if action == "iam:PassRole":
        return any("Role" in property for property in resource.properties)
    if prefix.replace("-", "") != service.lower() or action in _UNUSED_TARGETS or _READS.match(name):
        return False
    if name.isupper():  # API Gateway's actions are HTTP methods
        return name != "GET"
    changed = (f"Update{kind}Code", f"Update{kind}Configuration", f"Set{kind}Attributes")
    return (name.endswith(kind) and not (handler == "create" and name.startswith("Update"))) or name in changed


class _NotSupported(Exception):
    pass


def _source(aws: Aws, caller: str) -> str:
    """Return the ARN to simulate: a user's own, or that of a session's role, with its path."""
    kind, _, rest = caller.rpartition(":")[2].partition("/")
    if kind == "user":
        return caller
    if kind == "assumed-role":
        return aws.client("iam").get_role(RoleName=rest.partition("/")[0])["Role"]["Arn"]
    raise _NotSupported(f"IAM does not simulate {caller}")


def _simulate_service_role(
    aws: Aws, role: str, environment: str, needed_by: Mapping[str, tuple[str, ...]]
) -> Iterator[Denial]:
    """Simulate what resource types need; a call of the deployer itself fails before anything is changed."""
    _, partition, _, _, account, _ = role.split(":", 5)
    by_resource: dict[str, dict[str, tuple[str, ...]]] = {}
    for action, types in needed_by.items():
        if types != (DEPLOYER,) and not action.startswith("iam:"):  # whose conditions the simulation cannot set
            resource = scopes.example(action, environment, partition, aws.region, account)
            by_resource.setdefault(resource, {})[action] = types
    for resource, actions in by_resource.items():
        yield from _simulate(aws, role, actions, ResourceArns=[resource])


def _simulate(aws: Aws, source: str, needed_by: Mapping[str, tuple[str, ...]], **more: Any) -> Iterator[Denial]:
    """Yield the denied actions, without those whose conditions have keys that the simulation cannot set."""
    context: Any = [
        {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": [aws.region], "ContextKeyType": "string"},
        {"ContextKeyName": "aws:SecureTransport", "ContextKeyValues": ["true"], "ContextKeyType": "boolean"},
    ]
    simulator, actions = aws.client("iam").get_paginator("simulate_principal_policy"), list(needed_by)
    for start in range(0, len(actions), BATCH):
        batch = actions[start : start + BATCH]
        for page in simulator.paginate(PolicySourceArn=source, ActionNames=batch, ContextEntries=context, **more):
            for result in page.get("EvaluationResults", []):
                if result["EvalDecision"] != "allowed" and not result.get("MissingContextValues"):
                    action = result["EvalActionName"]
                    explicit = result["EvalDecision"] == "explicitDeny"
                    yield Denial(action, needed_by.get(action, (DEPLOYER,)), explicit)
