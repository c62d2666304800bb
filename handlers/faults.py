"""Which failures of AWS may be gone in a moment."""

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError
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


# Nobody was reached, or the answer broke off: urllib3's own where it is read piece by piece.
_UNHEARD = (HTTPClientError, ConnectionError, IncompleteReadError, HTTPError)


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed in a moment: throttled, timed out, unreachable, or failed over there."""
    if not isinstance(error, ClientError):
        return isinstance(error, _UNHEARD)
    code = error.response["Error"]["Code"]
    # Each service spells throttling its own way: Throttling, RequestThrottled, KmsThrottled ...
    return code in _TRANSIENT or "Throttl" in code or _status(error) >= 500


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
