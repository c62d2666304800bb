"""Errors that API Gateway answers without a function, in the shape of the contract."""

import json
from http import HTTPStatus

from troposphere import Ref
from troposphere.apigateway import GatewayResponse, RestApi

from contract.errors import ERRORS
from generator import cors
from generator.naming import camel

# The message of the request validator, and the type of the response.
_VALIDATION = "$context.error.validationErrorString"
_KIND = "$context.error.responseType"

# API Gateway's response type -> (error code, detail)
RESPONSES: dict[str, tuple[str, str | None]] = {
    "BAD_REQUEST_BODY": ("invalid_request", _VALIDATION),
    "BAD_REQUEST_PARAMETERS": ("invalid_request", _VALIDATION),
    "INVALID_API_KEY": ("forbidden", None),
    "ACCESS_DENIED": ("forbidden", None),
    # No token, or one that Cognito's authorizer refuses; with scopes on the method that is every ID token.
    "UNAUTHORIZED": ("unauthorized", None),
    "EXPIRED_TOKEN": ("unauthorized", None),
    # The firewall answers 403 for each of its rules, also for too many requests.
    "WAF_FILTERED": ("forbidden", "refused by the firewall: too many requests, or one that looks like an attack"),
    # API Gateway's name for an unknown path or method.
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
    """The error with variables that API Gateway substitutes, without Velocity."""
    error = {
        "code": code,
        "message": ERRORS[code].message,
        "details": [detail] if detail else [],
        "requestId": "$context.requestId",
    }
    return json.dumps({"error": error})


def _response(api: RestApi, kind: str, code: str, detail: str | None) -> GatewayResponse:
    error = ERRORS[code]
    # No X-Request-Id: mappings here can read only the request. The id is in the body and in API Gateway's
    # x-amzn-RequestId.
    headers = cors.gateway_response_headers()
    if error.retry_after:
        headers["Retry-After"] = cors.static(str(error.retry_after))
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = cors.static("Bearer")
    # The status of a default would replace that of every type without a response.
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
