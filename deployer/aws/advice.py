"""Calls that only inform or tidy up: their failure is a warning, and the run continues."""

from collections.abc import Callable
from typing import TypeVar

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.errors import Failure

T = TypeVar("T")
D = TypeVar("D")


def ask(aws: Aws, what: str, call: Callable[[], T], default: D) -> T | D:
    """Return the result of `call`; if AWS fails or a wait times out, warn and return `default`.

    `what`: what was not done, such as "Lambda's concurrency was not checked". An operation that the emulator does
    not implement causes no warning. Raises exceptions that do not come from talking to AWS.
    """
    try:
        return call()
    except Exception as error:
        reason = error.message if isinstance(error, Failure) else service_errors.reason(error)
        if not reason:
            raise
        if not (aws.local and service_errors.is_not_implemented(error)):
            aws.warn(f"{what}: {reason}")
        return default
