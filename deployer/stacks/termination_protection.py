"""Termination protection of the root stack, where its data is retained: CloudFormation refuses to delete it."""

from collections.abc import Mapping
from typing import Any

from config.environment import Environment
from deployer.aws import advice
from deployer.aws.session import Aws


def ensure(aws: Aws, environment: Environment, stack: Mapping[str, Any] | None) -> bool:
    """Enable it where data.retention is Retain; return True if it was not.

    Not before the stack is complete: a failed creation must be deleted. The deployment is done by now, so a failure is a
    warning, and the next deployment tries again. An operator's protection of another environment stays.
    """
    if stack is None or environment.data.retention != "Retain" or is_on(stack):
        return False

    def enable() -> bool:
        _set(aws, stack, True)
        return True

    return advice.ask(aws, "the stack has no termination protection", enable, False)


def lift(aws: Aws, stack: Mapping[str, Any]) -> bool:
    """Disable it before a deletion; return True if it was enabled."""
    if is_on(stack):
        _set(aws, stack, False)
    return is_on(stack)


def _set(aws: Aws, stack: Mapping[str, Any], on: bool) -> None:
    aws.client("cloudformation").update_termination_protection(
        StackName=stack["StackId"], EnableTerminationProtection=on
    )


def is_on(stack: Mapping[str, Any]) -> bool:
    """Return True if the stack, a DescribeStacks entry, is protected."""
    return bool(stack.get("EnableTerminationProtection"))
