"""What API Gateway itself answers, in the one error shape of the contract."""

import json

from troposphere import Ref
from troposphere.apigateway import GatewayResponse, RestApi

from contract.errors import ERRORS
from generator import cors
from generator.naming import camel

# What the request validator found wrong, and which kind of refusal it was.
_VALIDATION = "$context.error.validationErrorString"
_KIND = "$context.error.responseType"

# API Gateway's response type -> (error code, detail)
RESPONSES: dict[str, tuple[str, str | None]] = {
    "BAD_REQUEST_BODY": ("invalid_request", _VALIDATION),
    "BAD_REQUEST_PARAMETERS": ("invalid_request", _VALIDATION),
    "INVALID_API_KEY": ("forbidden", None),
    "ACCESS_DENIED": ("forbidden", None),
    "UNAUTHORIZED": ("forbidden", None),
    # What the firewall refuses, also for too many requests: it answers 403 whatever its rule.
    "WAF_FILTERED": ("forbidden", "refused by the firewall: too many requests, or one that looks like an attack"),
    # So API Gateway calls a path or method that it does not know.
    "MISSING_AUTHENTICATION_TOKEN": ("route_not_found", None),
    "RESOURCE_NOT_FOUND": ("route_not_found", None),
    "REQUEST_TOO_LARGE": ("payload_too_large", None),
    "UNSUPPORTED_MEDIA_TYPE": ("unsupported_media_type", None),
    "THROTTLED": ("throttled", None),
    "QUOTA_EXCEEDED": ("quota_exceeded", None),
    "API_CONFIGURATION_ERROR": ("internal_error", None),
    # The function could not be reached or had no capacity.
    "INTEGRATION_FAILURE": ("unavailable", None),
    "INTEGRATION_TIMEOUT": ("timeout", None),
    "DEFAULT_4XX": ("invalid_request", _KIND),
    "DEFAULT_5XX": ("internal_error", None),
}


def gateway_responses(api: RestApi) -> list[GatewayResponse]:
    return [_response(api, kind, code, detail) for kind, (code, detail) in RESPONSES.items()]


def body(code: str, detail: str | None) -> str:
    """The error as API Gateway fills it in: plain substitution, no Velocity."""
    error = {
        "code": code,
        "message": ERRORS[code].message,
        "details": [detail] if detail else [],
        "requestId": "$context.requestId",
    }
    return json.dumps({"error": error})


def _response(api: RestApi, kind: str, code: str, detail: str | None) -> GatewayResponse:
    error = ERRORS[code]
    # No X-Request-Id: mappings here may read the request, nothing else. The id is in the body, and
    # in the x-amzn-RequestId that API Gateway sends by itself.
    headers = cors.gateway_response_headers()
    if error.retry_after:
        headers["Retry-After"] = cors.static(str(error.retry_after))
    # A status on a default would overwrite that of every type that falls back on it.
    status = {} if kind.startswith("DEFAULT_") else {"StatusCode": str(error.status)}
    response = GatewayResponse(
        f"{camel(kind)}Response",
        RestApiId=Ref(api),
        **status,
        ResponseParameters={f"gatewayresponse.header.{name}": value for name, value in headers.items()},
        ResponseTemplates={"application/json": body(code, detail)},
    )
    # Not in the call: troposphere checks it against a list that lacks WAF_FILTERED.
    response.properties["ResponseType"] = kind
    return response
