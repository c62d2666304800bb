"""Calls that only advise or tidy: whatever becomes of them, the run goes on."""

from collections.abc import Callable
from typing import TypeVar

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.errors import Failure

T = TypeVar("T")


def ask(aws: Aws, what: str, call: Callable[[], T], otherwise: T) -> T:
    """The answer of `call`, or `otherwise` and one warning that `what` was not done, and why.

    `what`: such as "Lambda's concurrency was not checked". For denied, throttled, unknown, unreachable and unusable
    alike, and for a Failure of waiting; an exception that does not come from talking to AWS is a bug, and is raised. That an emulator does not
    know an operation is no news.
    """
    try:
        return call()
    except Exception as error:
        reason = error.message if isinstance(error, Failure) else service_errors.reason(error)
        if not reason:
            raise
        if not (aws.local and service_errors.is_not_implemented(error)):
            aws.warn(f"{what}: {reason}")
        return otherwise
