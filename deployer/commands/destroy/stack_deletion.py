"""Delete a stack with its nested ones: what is in them, who else is there, the deletion itself."""

from collections.abc import Callable, Iterator, Mapping

from config import names
from deployer.aws.session import Aws
from deployer.aws.waiting import PollingConfig, until
from deployer.commands.destroy import deletion_outcomes
from deployer.commands.destroy.deletion_outcomes import Fate
from deployer.stacks import events, execution, reading
from deployer.stacks.events import Event
from deployer.stacks.execution import Outcome
from deployer.stacks.stack_status import StackStatus


def read(aws: Aws, stack: Mapping) -> list[Fate]:
    """Every resource of the stack, a DescribeStacks entry, and of those nested in it, with its fate."""
    return deletion_outcomes.of_tree(reading.deployed(aws, stack), dict(_resources(aws, stack["StackId"], ())))


def _resources(aws: Aws, stack_id: str, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[dict]]]:
    found = list(reading.resources(aws, stack_id))
    yield path, found
    for resource in found:
        if resource["ResourceType"] == reading.STACK:
            yield from _resources(aws, resource["PhysicalResourceId"], (*path, resource["LogicalResourceId"]))


def environments(aws: Aws) -> set[str]:
    """The root stacks of this platform in the account and region, in whatever state: their environments."""
    prefix = names.root_stack("")
    pages = aws.client("cloudformation").get_paginator("describe_stacks").paginate()
    return {
        stack["StackName"].removeprefix(prefix)
        for page in pages
        for stack in page["Stacks"]
        if stack["StackName"].startswith(prefix) and not stack.get("ParentId") and reading.status_of(stack).exists
    }


def run(
    aws: Aws, stack_id: str, on_events: Callable[[list[Event]], None], polling: PollingConfig, token: str
) -> Outcome:
    """Delete it, or join a deletion that is going on, and follow that to its end, which may be DELETE_FAILED.

    `token`: of `operation.token`, so that whoever finds the stack busy is told by whom.
    """
    cloudformation, stack = aws.client("cloudformation"), reading.describe(aws, stack_id)
    status = reading.status_of(stack)
    if status.name == "DELETE_IN_PROGRESS":
        return execution.follow(aws, stack_id, on_events, polling, start=stack.get("DeletionTime"))
    if status.is_new:  # gone by now, or a change set that was never executed: there may be no event to follow
        cloudformation.delete_stack(StackName=stack_id, ClientRequestToken=token)
        until(
            lambda: reading.status_of(reading.describe(aws, stack_id)),
            lambda status: not status.exists,
            polling.interval,
        )
        return Outcome(StackStatus("DELETE_COMPLETE"), (), {})
    seen = events.newest(cloudformation, stack_id)
    cloudformation.delete_stack(StackName=stack_id, ClientRequestToken=token)
    return execution.follow(aws, stack_id, on_events, polling, seen=seen)


def left(aws: Aws, stack_id: str) -> list[Fate]:
    """What still exists after a deletion that failed, and was not meant to be kept."""
    stack = reading.describe(aws, stack_id)
    return [fate for fate in read(aws, stack) if not fate.kept] if stack else []
