"""Tell transient failures of AWS from others."""

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, IncompleteReadError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

_TRANSIENT = {
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "OverLimit",
    "ProvisionedThroughputExceeded",  # of a statement in a batch; the exception has another name
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "TransactionConflict",  # of a statement in a batch
    "TransactionConflictException",  # of a write while a transaction has its item; the SDK does not retry it
    "TransactionInProgressException",
}


# No connection, an incomplete response (urllib3's exception while a body is streamed), or one that is not AWS's.
_NO_RESPONSE = (HTTPClientError, ConnectionError, IncompleteReadError, ResponseParserError, HTTPError)


AWS = (BotoCoreError, ClientError, ResponseParserError)
"""The exceptions of a call that got no response or an error. ResponseParserError has neither base class."""


def is_transient(error: BaseException) -> bool:
    """Return whether a retry may succeed: throttled, timed out, unreachable, or a server error."""
    if not isinstance(error, ClientError):
        return isinstance(error, _NO_RESPONSE)
    code = code_of(error)
    # Each service has another code for throttling: Throttling, RequestThrottled, KmsThrottled ...
    return code in _TRANSIENT or "Throttl" in code or _status(error) >= 500


def code_of(error: ClientError) -> str:
    """Return the service's error code; "" for a response that has none, such as XML of a proxy."""
    return error.response.get("Error", {}).get("Code") or ""


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
