"""Calls that AWS must refuse."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from conformance.probe import Differs
from deployer.aws import error_kinds
from deployer.aws.error_kinds import ErrorKind

NO_ANSWER = {*error_kinds.TRANSIENT, ErrorKind.NOT_IMPLEMENTED, ErrorKind.DENIED, ErrorKind.EXPIRED}


def refusal(call: Callable[..., Any], **arguments: Any) -> Mapping[str, Any]:
    """Make a call that must be refused, and return the error's response. Raises an error that is no answer to it."""
    try:
        call(**arguments)
    except ClientError as error:
        if error_kinds.kind_of(error) in NO_ANSWER:
            raise
        return error.response
    raise Differs("an error", "none", call.__name__)
