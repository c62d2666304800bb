"""Whether the caller may do what a deployment needs, as far as IAM's simulation tells beforehand.

What a resource type needs is declared by its provider schema, handler by handler; cfn-lint ships the
schemas. They list what any property may need, from Amplify to Kinesis, so only actions that are named for
the type itself count: CreateTable for a table. A simulation over all resources does not see permissions
for some of them, so what is found is a warning: only the deployment itself has the last word.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.plan.snapshot import Resource, added

BATCH = 100
"""Actions per SimulatePrincipalPolicy."""

_READS = re.compile(r"Get|List|Describe|Tag|Untag|Lookup|Import")
_OF_OTHERS = {"iam:PutUserPolicy", "iam:PutGroupPolicy", "iam:DeleteUserPolicy", "iam:DeleteGroupPolicy"}
"""AWS::IAM::Policy needs them for users and groups; ours are for roles."""
OWN: tuple[str, ...] = (
    *("cloudformation:CreateChangeSet", "cloudformation:DescribeChangeSet", "cloudformation:ExecuteChangeSet"),
    *("cloudformation:DeleteChangeSet", "cloudformation:ListChangeSets", "cloudformation:DescribeStacks"),
    *("cloudformation:DescribeStackEvents", "cloudformation:DescribeEvents", "cloudformation:GetTemplate"),
    *("cloudformation:ListStackResources", "s3:GetObject", "s3:PutObject", "s3:ListBucket", "ssm:PutParameter"),
)
"""What the deployer calls by itself, whatever changes."""

DEPLOYER = "the deployer itself"


@dataclass(frozen=True)
class Denial:
    """`explicit`: a policy says no, rather than none saying yes. `types`: whose handlers need it."""

    action: str
    types: tuple[str, ...]
    explicit: bool

    def __str__(self) -> str:
        more = f" and {len(self.types) - 1} more" if len(self.types) > 1 else ""
        return f"{self.action} ({self.types[0]}{more})"


@dataclass(frozen=True)
class Permissions:
    """`unchecked`: why nothing is known, "" if it was asked."""

    denials: tuple[Denial, ...] = ()
    unchecked: str = ""

    def warnings(self) -> list[str]:
        """A line or two for a person; none when everything is allowed."""
        if self.unchecked:
            return [f"permissions not checked: {self.unchecked}"]
        lines = []
        for explicit, words in ((True, "denied to you by a policy"), (False, "not allowed to you on every resource")):
            denials = [str(denial) for denial in self.denials if denial.explicit is explicit]
            more = f" and {len(denials) - 5} more" if len(denials) > 5 else ""
            lines += [f"{words}: {', '.join(denials[:5])}{more}"] if denials else []
        return lines


def check(aws: Aws, caller: str, now: Mapping[str, Resource], then: Mapping[str, Resource]) -> Permissions:
    """Ask IAM about what turns `now` into `then`. `caller`: the ARN of GetCallerIdentity.

    Never an error: what cannot be asked is not checked.
    """
    if aws.local:
        return Permissions()  # whoever calls the emulator may do everything
    try:
        denials = list(_simulate(aws, _source(aws, caller), needed(now, then, aws.region)))
    except _NotAsked as reason:
        return Permissions(unchecked=str(reason))
    except Exception as error:
        if not (reason := service_errors.reason(error)):
            raise
        return Permissions(unchecked=reason)
    return Permissions(tuple(sorted(denials, key=lambda denial: (not denial.explicit, denial.action))))


def needed(now: Mapping[str, Resource], then: Mapping[str, Resource], region: str) -> dict[str, tuple[str, ...]]:
    """Action -> resource types that need it, the deployer's own calls included."""
    found: dict[str, set[str]] = {action: {DEPLOYER} for action in OWN}
    for resource, handler in _handled(now, then):
        listed = _handlers(resource.type, region).get(handler, {}).get("permissions", [])
        for action in filter(lambda action: _is_for(action, resource, handler), listed):
            found.setdefault(action, set()).add(resource.type)
    return {action: tuple(sorted(kinds)) for action, kinds in sorted(found.items())}


def _handled(now: Mapping[str, Resource], then: Mapping[str, Resource]) -> Iterator[tuple[Resource, str]]:
    """Whatever differs, and the handler that CloudFormation calls. A replacement counts as an update."""
    yield from ((each, "create") for each in added(now, then))
    yield from ((each, "delete") for each in added(then, now))
    for path in now.keys() & then.keys():
        if now[path].type == then[path].type and now[path].properties != then[path].properties:
            yield then[path], "update"


def _is_for(action: str, resource: Resource, handler: str) -> bool:
    """Whether the resource cannot do without it, as far as names tell."""
    _, service, kind = resource.type.split("::")
    prefix, _, name = action.partition(":")
    if action == "iam:PassRole":
        return any("Role" in property for property in resource.properties)
    if prefix.replace("-", "") != service.lower() or action in _OF_OTHERS or _READS.match(name):
        return False
    if name.isupper():  # API Gateway's are HTTP's methods
        return name != "GET"
    changed = (f"Update{kind}Code", f"Update{kind}Configuration", f"Set{kind}Attributes")
    return (name.endswith(kind) and not (handler == "create" and name.startswith("Update"))) or name in changed


@cache
def _handlers(kind: str, region: str) -> Mapping:
    """From cfn-lint's data, without its code, which takes seconds to import. {} for what it does not know."""
    package = find_spec("cfnlint")
    schemas = Path(package.submodule_search_locations[0]) / "data" / "schemas"
    try:
        known = json.loads((schemas / "providers" / f"{region}.json").read_text(encoding="utf-8"))
        return json.loads((schemas / "resources" / f"{known[kind]}.json").read_text(encoding="utf-8"))["handlers"]
    except (OSError, KeyError):
        return {}


class _NotAsked(Exception):
    pass


def _source(aws: Aws, caller: str) -> str:
    """The ARN that IAM simulates: a user's own, or that of the role behind a session, with its path."""
    kind, _, rest = caller.rpartition(":")[2].partition("/")
    if kind == "user":
        return caller
    if kind == "assumed-role":
        return aws.client("iam").get_role(RoleName=rest.partition("/")[0])["Role"]["Arn"]
    raise _NotAsked(f"IAM does not simulate {caller}")


def _simulate(aws: Aws, source: str, needed_by: Mapping[str, tuple[str, ...]]) -> Iterator[Denial]:
    """What is not allowed; what hangs on circumstances that a simulation does not know is no finding."""
    context = [
        {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": [aws.region], "ContextKeyType": "string"},
        {"ContextKeyName": "aws:SecureTransport", "ContextKeyValues": ["true"], "ContextKeyType": "boolean"},
    ]
    asked, actions = aws.client("iam").get_paginator("simulate_principal_policy"), list(needed_by)
    for start in range(0, len(actions), BATCH):
        some = actions[start : start + BATCH]
        for page in asked.paginate(PolicySourceArn=source, ActionNames=some, ContextEntries=context):
            for result in page.get("EvaluationResults", []):
                if result["EvalDecision"] != "allowed" and not result.get("MissingContextValues"):
                    action = result["EvalActionName"]
                    explicit = result["EvalDecision"] == "explicitDeny"
                    yield Denial(action, needed_by.get(action, (DEPLOYER,)), explicit)
