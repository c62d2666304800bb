"""What a REST API answers when something fails."""

import asyncio
import json
import re
import time

from emulator import current_request
from emulator.registry import patch
from emulator.validation_errors import explain


class FunctionFailed(Exception):
    """The function raised, was throttled or returned something that is not a response."""

    def __init__(self, status: int):
        self.status = status


@patch
def api_function_failures() -> None:
    """When a function raises, upstream answers 502 with the exception's text and no headers;
    when it returns something that is not a response, it passes that on as the body. API
    Gateway answers 502 (500 if the function was throttled) by the gateway response
    DEFAULT_5XX, with its headers, and tells nobody why."""
    from ministack.services import apigateway_v1 as api_gateway

    invoke, answer = api_gateway._invoke_lambda_proxy_v1, api_gateway._gateway_error_response

    def proxy_response(result):
        body = result.get("body")
        if result.get("throttle"):
            raise FunctionFailed(500)
        if result.get("error") or not is_response(body):
            raise FunctionFailed(502)
        return body, None

    async def invoke_or_fail(*positional, **named):
        try:
            return await invoke(*positional, **named)
        except FunctionFailed as failed:
            error = api_gateway._gw_error("DEFAULT_5XX", "Internal server error")
            error.error_type = "InternalServerErrorException"
            error.status = failed.status
            return error

    def answer_with_status(error, request):
        status, headers, body = answer(error, request)
        if hasattr(error, "status"):
            deployed = (
                api_gateway._deployed_gateway_responses.get(request["api_id"], {}).get(
                    request["stage"].get("deploymentId")
                )
                or {}
            )
            if not deployed.get("DEFAULT_5XX", {}).get("statusCode"):
                status = error.status
        return status, headers, body

    api_gateway._lambda_proxy_response = proxy_response
    api_gateway._invoke_lambda_proxy_v1 = invoke_or_fail
    api_gateway._gateway_error_response = answer_with_status


def is_response(body: object) -> bool:
    """Whether a function's result is what API Gateway demands of a proxy integration."""
    if not isinstance(body, dict) or not str(body.get("statusCode", "")).isdigit():
        return False
    if not isinstance(body.get("body", ""), str | None):
        return False
    for kind in ("headers", "multiValueHeaders"):
        if not isinstance(body.get(kind) or {}, dict):
            return False
    return all(isinstance(values, list) for values in (body.get("multiValueHeaders") or {}).values())


@patch
def api_integration_timeout() -> None:
    """Upstream waits for a function as long as it runs. API Gateway gives up after 29 seconds
    (or the integration's TimeoutInMillis) with INTEGRATION_TIMEOUT; the function runs on."""
    from ministack.services import apigateway_v1 as api_gateway

    invoke = api_gateway._invoke_lambda_proxy_v1

    async def invoke_in_time(integration, *positional, **named):
        started = time.time()
        try:
            return await asyncio.wait_for(
                asyncio.shield(asyncio.ensure_future(invoke(integration, *positional, **named))),
                int(integration.get("timeoutInMillis") or 29000) / 1000,
            )
        except TimeoutError:
            return api_gateway._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
        finally:
            if request := current_request.current():
                request.integration_seconds = time.time() - started

    current_request.follow()
    api_gateway._invoke_lambda_proxy_v1 = invoke_in_time


@patch
def api_error_variables() -> None:
    """Upstream knows few variables in the template of a gateway response and leaves the
    others in the text. The patch fills in the rest, above all
    ``$context.error.validationErrorString``, in the words of AWS's validator."""
    from ministack.services import apigateway_v1 as api_gateway

    current_request.follow()
    answer = api_gateway._gateway_error_response

    def answer_filled(error, request):
        status, headers, body = answer(error, request)
        known = current_request.current()
        if known is None or b"$" not in body:
            return status, headers, body

        def fill(match):
            name = match.group(1) or match.group(2)
            if name == "context.error.validationErrorString":
                return json.dumps(_validation_errors(request, known, error))[1:-1]
            return VARIABLES[name](known) if name in VARIABLES else match.group(0)

        return status, headers, VARIABLE.sub(fill, body.decode()).encode()

    api_gateway._gateway_error_response = answer_filled


VARIABLE = re.compile(r"\$(?:\{(context(?:\.\w+)+)\}|(context(?:\.[A-Za-z]\w*)+))")
VARIABLES = {
    "context.httpMethod": lambda known: known.method,
    "context.path": lambda known: known.url_path,
    "context.extendedRequestId": lambda known: known.gateway["request_id"],
    "context.requestTimeEpoch": lambda known: str(int(known.started * 1000)),
    "context.identity.sourceIp": lambda known: "127.0.0.1",
    "context.apiId": lambda known: known.gateway["api_id"],
}


def _validation_errors(request: dict, known: current_request.ApiRequest, error) -> str:
    """What is wrong with the body, as AWS words it: ``[first, second]``."""
    from ministack.services import apigateway_v1 as api_gateway

    if error.response_type != "BAD_REQUEST_BODY":
        return error.message or ""
    segments = [part for part in known.path.strip("/").split("/") if part]
    resource, _ = api_gateway._match_resource_tree(request["api_id"], segments)
    models = (resource or {}).get("resourceMethods", {}).get(known.method, {}).get("requestModels") or {}
    schema = api_gateway._model_schema(request["api_id"], models.get("application/json", ""))
    try:
        found = (
            explain(
                schema, json.loads(known.body), lambda reference, root: api_gateway._resolve_schema_ref(reference, root)
            )
            if schema
            else []
        )
    except (ValueError, RecursionError):
        found = []
    return f"[{', '.join(found)}]" if found else (error.message or "")
