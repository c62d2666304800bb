"""What the artifacts of the bucket are needed for: deployed stacks, change sets that wait, and recorded versions."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from config import names
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.plan import templates
from deployer.stacks import change_set_cleanup, reading
from deployer.stacks.deployment_records import Deployment

ARTIFACT = re.compile(r"templates/[0-9a-f]{64}\.yaml|packages/[a-z]+-[0-9a-f]{64}\.zip")

_WAITING = ("AVAILABLE", "UNAVAILABLE")
"""Execution statuses of a change set that can, or soon can, be executed."""


def keys_in(content: Any) -> set[str]:
    """Return the keys of artifacts in a text, or in a value that JSON can hold."""
    return set(ARTIFACT.findall(content if isinstance(content, str) else json.dumps(content, default=str)))


def project_stacks(aws: Aws) -> Sequence[Mapping[str, Any]]:
    """Return the DescribeStacks entries of this project's stacks in account and region, nested ones too.

    Raises Failure(PREFLIGHT) if one of them is changing, or may still return to artifacts that it does not name.
    """
    pages = aws.client("cloudformation").get_paginator("describe_stacks").paginate()
    prefix = names.root_stack("")
    found = [stack for page in pages for stack in page["Stacks"] if stack["StackName"].startswith(prefix)]
    for stack in found:
        status = reading.status_of(stack)
        if status.is_running or status.name in ("UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED"):
            raise Failure(
                Exit.PREFLIGHT,
                f"stack {stack['StackName']} is in {status}: it may need the artifacts of its version before",
                "wait for its operation, or recover it (deploy.py without another command offers that); then prune",
            )
    return found


def of_stacks(aws: Aws, stacks: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return what the stacks and their waiting change sets name."""
    aws.client("cloudformation")  # boto3 clients must not be created in several threads
    with ThreadPoolExecutor(8) as pool:
        return set().union(*pool.map(lambda stack: _of_stack(aws, stack), stacks))


def _of_stack(aws: Aws, stack: Mapping[str, Any]) -> set[str]:
    waiting = _of_change_sets(aws, stack)
    if reading.status_of(stack).is_new:
        return waiting
    return waiting | _named(reading.original_template(aws, stack["StackId"]), stack)


def _of_change_sets(aws: Aws, stack: Mapping[str, Any]) -> set[str]:
    """Whoever made them: --plan --save keeps one, and so does a console."""
    found: set[str] = set()
    cloudformation = aws.client("cloudformation")
    for identity, summary in change_set_cleanup.of_stack(cloudformation, stack["StackId"]).items():
        if summary.get("ExecutionStatus") not in _WAITING or summary.get("Status") == "FAILED":
            continue
        if summary.get("Status") in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            raise Failure(
                Exit.PREFLIGHT,
                f"stack {stack['StackName']} gets a change set right now, {summary['ChangeSetName']}",
                "prune when that plan or deployment has ended",
            )
        try:
            described = cloudformation.describe_change_set(ChangeSetName=identity)
            body = cloudformation.get_template(ChangeSetName=identity, TemplateStage="Original")["TemplateBody"]
        except Exception as error:
            if service_errors.is_missing(error):  # discarded in the meantime
                continue
            raise
        found |= _named(body, described)
    return found


def _named(template: Any, parameterized: Mapping[str, Any]) -> set[str]:
    """Return the keys in a template and in parameters, and the template's own."""
    own = {templates.key_of(template)} if isinstance(template, str) else set()
    return own | keys_in(template) | keys_in(parameterized.get("Parameters", []))


def of_records(aws: Aws, bucket: str, kept: Sequence[Deployment]) -> set[str]:
    """Return what the recorded versions are deployed from: the root template, those that it names, the packages."""
    roots = {deployment.root for deployment in kept}
    aws.client("s3")
    with ThreadPoolExecutor(8) as pool:
        nested = pool.map(lambda key: _body_keys(aws, bucket, key), sorted(roots))
    return roots.union(*nested, *(deployment.packages for deployment in kept))


def _body_keys(aws: Aws, bucket: str, key: str) -> set[str]:
    try:
        return keys_in(aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode())
    except Exception as error:
        if service_errors.is_missing(error):
            return set()
        raise
