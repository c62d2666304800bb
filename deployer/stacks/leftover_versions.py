"""Delete versions that a rolled-back update published, before they prevent the same from being published again.

When CloudFormation rolls back a replacement, UpdateReplacePolicy keeps the new copy (the probe rolled_back_replacements).
Such a version is its function's last, and Lambda publishes no function that equals its last version.
"""

from collections.abc import Mapping

from deployer.aws.session import Aws
from deployer.plan import snapshot
from deployer.plan.changes import Action, Plan
from deployer.plan.publishing import VERSION
from deployer.plan.snapshot import Snapshot


def discard(aws: Aws, plan: Plan, then: Snapshot, functions: Mapping[str, str]) -> list[str]:
    """Delete the last version of each function that the plan publishes if it has the description of the planned one;
    return the functions. `functions`: logical id -> name."""
    found, resources = [], snapshot.resources_of(then)
    for change in plan.changes:
        if change.type != VERSION or change.action not in (Action.ADD, Action.REPLACE):
            continue
        wanted = resources[change.path].properties
        function = functions.get(wanted["FunctionName"]["Ref"])
        if function and (number := _last(aws, function, wanted["Description"])):
            aws.client("lambda").delete_function(FunctionName=function, Qualifier=number)
            found.append(wanted["FunctionName"]["Ref"])
    return found


def _last(aws: Aws, function: str, description: str) -> str:
    """Return the number of the function's last version if it has this description, else ""."""
    pages = aws.client("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=function)
    *_, last = (version for page in pages for version in page["Versions"])
    return last["Version"] if last["Version"] != "$LATEST" and last.get("Description") == description else ""
