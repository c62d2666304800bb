"""Every error that a client can get: code, HTTP status and message.

The handlers' responses, API Gateway's gateway responses and the OpenAPI document follow from this table. The body is
`{"error": {"code", "message", "details": [...], "requestId"}}`.
"""

from typing import NamedTuple


class ErrorKind(NamedTuple):
    """`code` is for programs, `message` for people; `retry_after` in seconds."""

    code: str
    status: int
    message: str
    retry_after: int | None = None


_KINDS = (
    ErrorKind("invalid_request", 400, "The request is not valid; see details."),
    ErrorKind("unauthorized", 401, "A valid access token is required in the Authorization header."),
    ErrorKind(
        "forbidden",
        403,
        "The request is not allowed. Except under /me, it needs a valid API key in the x-api-key header.",
    ),
    ErrorKind("not_found", 404, "There is no such order."),
    ErrorKind("route_not_found", 404, "There is no such route; see the OpenAPI document."),
    ErrorKind("order_conflict", 409, "This orderId belongs to another order."),
    ErrorKind("illegal_transition", 409, "The order's status does not allow this change."),
    ErrorKind("version_mismatch", 412, "The order has changed since it was read; read it again."),
    ErrorKind("payload_too_large", 413, "The request body is too large."),
    ErrorKind("unsupported_media_type", 415, "Send application/json."),
    ErrorKind("feature_disabled", 422, "This feature is not available for this customer."),
    ErrorKind("payment_mismatch", 422, "The payments do not add up to the order's total."),
    ErrorKind("idempotency_conflict", 422, "This Idempotency-Key was used with another body."),
    ErrorKind("throttled", 429, "Too many requests; slow down and try again.", 1),
    ErrorKind("quota_exceeded", 429, "The API key's daily quota is used up."),
    ErrorKind("internal_error", 500, "Something failed on our side; the request may be retried."),
    ErrorKind("unavailable", 503, "The service is briefly unavailable; try again.", 1),
    ErrorKind("timeout", 504, "The request took too long; check the order before retrying."),
)

ERRORS: dict[str, ErrorKind] = {kind.code: kind for kind in _KINDS}
