"""Calls that not every endpoint knows: an emulator's refusal is a reason, not a difference."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from conformance.probe import CannotTry

NOT_IMPLEMENTED = 501
_CODES = ("InvalidAction", "NotImplemented", "NotImplementedException", "UnknownOperationException", "501", "400")
"""Error codes of endpoints that do not know an operation; "400": an answer without a code."""
_UNKNOWN = "Unknown action"


def answered(call: Callable[..., Any], **arguments: Any) -> Any:
    """Make one call and return the answer; raise CannotTry if the endpoint does not know the operation."""
    try:
        return call(**arguments)
    except ClientError as error:
        status = error.response["ResponseMetadata"].get("HTTPStatusCode")
        reason = error.response["Error"]
        if status == NOT_IMPLEMENTED or reason["Code"] in _CODES or _UNKNOWN in reason.get("Message", ""):
            raise CannotTry(f"{error.operation_name} is not implemented here") from error
        raise


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    """Make one call that must fail; return the error's code and message, ("", "") if it succeeds."""
    try:
        answered(call, **arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    return "", ""
