"""Convert API Gateway's REST proxy events to requests, and responses to its format.

Only this module turns an exception into an HTTP response.
"""

import base64
import os
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote, unquote

from contract.errors import ErrorKind
from contract.routes import CORS_RESPONSE_HEADERS, ROUTES
from contract.schemas import MAX_BODY_BYTES
from domain import callers, strict_json
from domain.callers import Caller
from domain.errors import OrderError
from handlers import faults, telemetry

_BASE_PATH = "$-_.+!*'()"  # allowed in a base path, with letters and digits
_OPERATIONS = {(route.method, route.path): route.operation for route in ROUTES}


@dataclass(frozen=True)
class Request:
    """An HTTP request: `headers` by lower-case name; `operation` as in contract.routes, "" for none."""

    method: str
    operation: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str
    is_base64: bool
    request_id: str
    identity: Mapping[str, str]  # requestContext.identity
    base: str  # the URL's path before the route: "/{stage}", or a custom domain's base path, or ""

    @cached_property
    def caller(self) -> Caller:
        """Raises OrderError("forbidden") for a request without a key, or with one that is not well-formed."""
        return callers.of_key(self.identity.get("apiKey"), self.identity.get("apiKeyId") or "")

    def json(self) -> object:
        """Parse the body. Raises OrderError unsupported_media_type, payload_too_large or invalid_request."""
        media_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise OrderError("unsupported_media_type")
        if len(self.body) > MAX_BODY_BYTES:
            raise OrderError("payload_too_large", [f"body: must have at most {MAX_BODY_BYTES} bytes"])
        try:
            text = base64.b64decode(self.body, validate=True).decode() if self.is_base64 else self.body
            return strict_json.loads(text)
        except ValueError:
            raise OrderError("invalid_request", ["body: must be valid JSON"]) from None


@dataclass(frozen=True)
class Response:
    status: int
    document: dict
    headers: Mapping[str, str] = field(default_factory=dict)


Operation = Callable[[Request], Response]


def serve(event: dict, context: object, operations: Mapping[str, Operation]) -> dict:
    """Respond to one event with the operation of its route. Never raise."""
    started = time.perf_counter()
    request = read(event)
    telemetry.begin(request.request_id, context)
    try:
        if request.operation not in operations:
            raise OrderError("route_not_found")
        telemetry.called_by(request.caller)  # raises before anything is read or written for it
        response = operations[request.operation](request)
    except Exception as error:
        response = _failure(error, request)
    telemetry.finish(request.operation, response.status, (time.perf_counter() - started) * 1000)
    return _write(response, request)


def read(event: dict) -> Request:
    """Return the request of a proxy event. Empty maps of an event are null."""
    context = event.get("requestContext") or {}
    method = event.get("httpMethod") or ""
    return Request(
        method=method,
        operation=_OPERATIONS.get((method, event.get("resource") or ""), ""),
        path={name: unquote(text) for name, text in (event.get("pathParameters") or {}).items()},
        query=event.get("queryStringParameters") or {},
        headers=_headers(event),
        body=event.get("body") or "",
        is_base64=bool(event.get("isBase64Encoded")),
        request_id=context.get("requestId") or str(uuid.uuid4()),
        identity=context.get("identity") or {},
        base=_base(context.get("path") or "", event.get("resource") or ""),
    )


def _headers(event: dict) -> dict[str, str]:
    """Return headers by lower-case name. Several with one name become a list (RFC 9110, 5.3), without repetitions.

    The event's `headers` has only the last of several: one of two Idempotency-Keys would be ignored.
    """
    sent = event.get("multiValueHeaders") or {name: [text] for name, text in (event.get("headers") or {}).items()}
    by_name: dict[str, list[str]] = {}
    for name, values in sent.items():
        by_name.setdefault(name.lower(), []).extend(values)
    return {name: ", ".join(dict.fromkeys(values)) for name, values in by_name.items()}


def _base(path: str, resource: str) -> str:
    """Return what precedes the route `resource` in `path`, the path of the request's URL.

    API Gateway sets `path`; a header could be forged. Segments are counted, not compared: a client may add a slash or
    write a letter as %6F.
    """
    segments = [segment for segment in path.split("/") if segment]
    before = segments[: -len(resource.strip("/").split("/"))]
    return "".join(f"/{quote(unquote(segment), safe=_BASE_PATH)}" for segment in before)


def location(request: Request, order_id: str) -> str:
    """Return the absolute path of an order for the caller. An id needs no escaping in a path."""
    return f"{request.base}/orders/{request.caller.unqualified(order_id)}"


def etag(order: Mapping) -> str:
    return f'"{order["version"]}"'


def _failure(error: Exception, request: Request) -> Response:
    known = error if isinstance(error, OrderError) else OrderError(_code_of(error))
    kind = known.kind
    if known is not error:
        telemetry.failure(error)
    if kind.status < 500 and request.method != "GET":
        telemetry.order_rejected(kind.code)
    return Response(kind.status, _error_document(kind, known.details, request), _retry_after(kind))


def _code_of(error: Exception) -> str:
    return "unavailable" if faults.is_transient(error) else "internal_error"


def _error_document(kind: ErrorKind, details: list[str], request: Request) -> dict:
    return {
        "error": {
            "code": kind.code,
            "message": kind.message,
            "details": details,
            "requestId": request.request_id,
        }
    }


def _retry_after(kind: ErrorKind) -> dict[str, str]:
    return {} if kind.retry_after is None else {"Retry-After": str(kind.retry_after)}


def _write(response: Response, request: Request) -> dict:
    return {
        "statusCode": response.status,
        "headers": {
            "Content-Type": "application/json",
            "X-Request-Id": request.request_id,
            **_cors(request.headers.get("origin")),
            **response.headers,
        },
        "body": strict_json.dumps(response.document),
        "isBase64Encoded": False,
    }


def _cors(origin: str | None) -> dict[str, str]:
    allowed = os.environ.get("ALLOWED_ORIGINS", "*")
    headers = {"Access-Control-Expose-Headers": ",".join(CORS_RESPONSE_HEADERS)}
    if allowed == "*":
        return {**headers, "Access-Control-Allow-Origin": "*"}
    if origin in allowed.split(","):
        headers["Access-Control-Allow-Origin"] = origin
    # The response depends on the origin: a cache must not serve it to another.
    return {**headers, "Vary": "Origin"}
