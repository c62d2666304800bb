"""Which failures of AWS may be gone in a moment."""

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, IncompleteReadError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

_TRANSIENT = {
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "OverLimit",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "TransactionInProgressException",
}


# No connection, the answer broke off (urllib3's own where it is read piece by piece), or it was not AWS's.
_UNHEARD = (HTTPClientError, ConnectionError, IncompleteReadError, ResponseParserError, HTTPError)


AWS = (BotoCoreError, ClientError, ResponseParserError)
"""All that a call raises which got no answer, or not the one it is for. The last is of neither family."""


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed in a moment: throttled, timed out, unreachable, or failed over there."""
    if not isinstance(error, ClientError):
        return isinstance(error, _UNHEARD)
    code = code_of(error)
    # Each service spells throttling its own way: Throttling, RequestThrottled, KmsThrottled ...
    return code in _TRANSIENT or "Throttl" in code or _status(error) >= 500


def code_of(error: ClientError) -> str:
    """The service's error code; "" for an answer that has none, such as XML of a proxy."""
    return error.response.get("Error", {}).get("Code") or ""


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
