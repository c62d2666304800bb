"""What a REST API checks in a request, and the event that its function gets."""

import json
import math

from ministack.services import apigateway_v1 as api_gateway

from emulator import current_request
from emulator.registry import patch

MAX_BODY = 10 * 1024 * 1024


@patch(upstream="pass raw headers, the client's request id and path, apiKey and apiKeyId in the proxy event")
def api_events() -> None:
    """Build the event as AWS does: header names as sent, each value of a repeated header in
    ``multiValueHeaders``, ``requestContext.requestId`` equal to the id that the client gets."""
    current_request.follow()
    build = api_gateway._build_lambda_event_v1

    def build_as_aws(*positional, **named):
        event = build(*positional, **named)
        request = current_request.current()
        if request is None:
            return event
        event.pop("version", None)  # of HTTP APIs only
        several: dict[str, list[str]] = {}
        for name, value in request.headers:
            several.setdefault(name, []).append(value)
        event["multiValueHeaders"] = several
        event["headers"] = {name: values[-1] for name, values in several.items()}
        context = event["requestContext"]
        context["requestId"] = request.gateway["request_id"]
        context["path"] = request.url_path
        context["domainName"] = request.header("host").split(":")[0]
        key = api_gateway._resolve_api_key(request.header("x-api-key"))
        context["identity"].update(
            apiKey=key["value"] if key else None,
            apiKeyId=key["id"] if key else None,
            userAgent=request.header("user-agent") or None,
            sourceIp="127.0.0.1",
        )
        return event

    handle = api_gateway._handle_execute_in_scope

    async def handle_with_id(*positional):
        status, headers, body = await handle(*positional)
        if request := current_request.current():
            headers = {**headers, "x-amzn-requestid": request.gateway["request_id"]}
        return status, headers, body

    api_gateway._build_lambda_event_v1 = build_as_aws
    api_gateway._handle_execute_in_scope = handle_with_id


@patch(upstream="answer REQUEST_TOO_LARGE to bodies above 10 MB")
def api_request_size() -> None:
    def check(request):
        stage = api_gateway._stages_v1.get(request.gateway["api_id"], {}).get(request.gateway["stage_name"])
        if stage and len(request.body) > MAX_BODY:
            request.gateway["stage"] = stage  # whose gateway responses apply
            return api_gateway._gw_error("REQUEST_TOO_LARGE", "Request Too Long")
        return None

    current_request.follow()
    current_request.checks.append(check)


@patch(upstream="refuse NaN, Infinity and numbers beyond a double in body validation")
def api_strict_json() -> None:
    """Python's JSON reader accepts them; API Gateway answers 400."""
    check = api_gateway._check_request_validation

    def check_strictly(method, api_id, request, headers, body, query):
        error = check(method, api_id, request, headers, body, query)
        validator = api_gateway._request_validators.get(api_id, {}).get(method.get("requestValidatorId")) or {}
        if error is None and validator.get("validateRequestBody") and method.get("requestModels") and not is_json(body):
            return api_gateway._gw_error("BAD_REQUEST_BODY", "Invalid request body")
        return error

    api_gateway._check_request_validation = check_strictly


def is_json(body: bytes) -> bool:
    """Return whether a body is standard JSON, with numbers that a double can hold."""

    def refuse(text: str):
        raise ValueError(text)

    def finite(text: str) -> float:
        number = float(text)
        return number if math.isfinite(number) else refuse(text)

    try:
        json.loads(body.decode("utf-8"), parse_constant=refuse, parse_float=finite)
    except (ValueError, RecursionError):
        return False
    return True
