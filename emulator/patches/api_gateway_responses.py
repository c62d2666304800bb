"""Gateway responses and MOCK integrations of REST APIs."""

import asyncio
import json
import re
import time

from ministack.services import apigateway_v1 as api_gateway

from emulator import current_request, vtl
from emulator.registry import patch

VARIABLE = re.compile(r"\$(?:\{(context(?:\.\w+)+)\}|(context(?:\.[A-Za-z]\w*)+))")
VARIABLES = {
    "context.httpMethod": lambda api_request: api_request.method,
    "context.path": lambda api_request: api_request.url_path,
    "context.extendedRequestId": lambda api_request: api_request.gateway["request_id"],
    "context.requestTimeEpoch": lambda api_request: str(int(api_request.started * 1000)),
    "context.identity.sourceIp": lambda api_request: "127.0.0.1",
    "context.apiId": lambda api_request: api_request.gateway["api_id"],
}


class FunctionFailed(Exception):
    """The function raised, was throttled or returned something that is not a response."""

    def __init__(self, status: int):
        self.status = status


@patch(upstream="answer a failed function by the gateway response DEFAULT_5XX, without its error text")
def api_function_failures() -> None:
    """Answer 502 when a function raises or returns no proxy response, 500 when it is throttled.

    Upstream sends the exception's text without headers, or the malformed result as the body."""
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
    """Return whether a function's result is a valid response of a proxy integration."""
    if not isinstance(body, dict) or not str(body.get("statusCode", "")).isdigit():
        return False
    if not isinstance(body.get("body", ""), str | None):
        return False
    for kind in ("headers", "multiValueHeaders"):
        if not isinstance(body.get(kind) or {}, dict):
            return False
    return all(isinstance(values, list) for values in (body.get("multiValueHeaders") or {}).values())


@patch(upstream="end an integration after TimeoutInMillis with INTEGRATION_TIMEOUT")
def api_integration_timeout() -> None:
    """Answer after 29 seconds or the integration's TimeoutInMillis; the function runs on."""
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


@patch(upstream="fill in every $context variable of a gateway response, validationErrorString included")
def api_error_variables() -> None:
    """Upstream leaves the variables that it does not know in the text."""
    current_request.follow()
    answer = api_gateway._gateway_error_response

    def answer_filled(error, request):
        status, headers, body = answer(error, request)
        api_request = current_request.current()
        if api_request is None or b"$" not in body:
            return status, headers, body

        def fill(match):
            name = match.group(1) or match.group(2)
            if name == "context.error.validationErrorString":
                return json.dumps(_validation_errors(request, api_request, error))[1:-1]
            return VARIABLES[name](api_request) if name in VARIABLES else match.group(0)

        return status, headers, VARIABLE.sub(fill, body.decode()).encode()

    api_gateway._gateway_error_response = answer_filled


def _validation_errors(request: dict, api_request: current_request.ApiRequest, error) -> str:
    """Return the errors of the body as AWS writes them: ``[first, second]``."""
    if error.response_type != "BAD_REQUEST_BODY":
        return error.message or ""
    from emulator.validation_errors import explain  # jsonschema would delay every start

    segments = [part for part in api_request.path.strip("/").split("/") if part]
    resource, _ = api_gateway._match_resource_tree(request["api_id"], segments)
    models = (resource or {}).get("resourceMethods", {}).get(api_request.method, {}).get("requestModels") or {}
    schema = api_gateway._model_schema(request["api_id"], models.get("application/json", ""))
    try:
        found = explain(schema, json.loads(api_request.body)) if schema else []
    except (ValueError, RecursionError):
        found = []
    return f"[{', '.join(found)}]" if found else (error.message or "")


@patch(upstream="render the response templates of MOCK integrations, with $context.responseOverride")
def api_mock_templates() -> None:
    """Render request and response templates; a preflight sets Access-Control-Allow-Origin in them."""
    current_request.follow()
    answer = api_gateway._invoke_mock_v1

    def answer_rendered(integration):
        request = current_request.current()
        if request is None:
            return answer(integration)
        context = {
            "requestId": request.gateway["request_id"],
            "stage": request.gateway["stage_name"],
            "httpMethod": request.method,
            "resourcePath": request.gateway["resource_path"],
            "identity": {"sourceIp": "127.0.0.1"},
        }
        variables = {
            "input": {"params": {"header": dict(request.headers)}},
            "context": context,
            "stageVariables": (request.gateway["stage"] or {}).get("variables") or {},
        }
        try:
            rendered = vtl.render(_template(integration.get("requestTemplates")), variables)
            status, headers, _ = answer({**integration, "requestTemplates": {"application/json": rendered}})
            body = vtl.render(_template(_response(integration, status).get("responseTemplates")), variables)
        except vtl.VtlError as error:
            print(f"template of {request.method} {request.path}: {error}")
            return api_gateway._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
        override = context.get("responseOverride", {})
        headers.update({name: vtl.text_of(value) for name, value in override.get("header", {}).items()})
        headers = {name: _context_value(value, context) for name, value in headers.items()}
        return int(override.get("status", status)), headers, body.strip().encode()

    api_gateway._invoke_mock_v1 = answer_rendered


def _template(templates: dict | None) -> str:
    """Return the JSON template, else any: a browser asks for any type."""
    templates = templates or {}
    return templates.get("application/json") or next(iter(templates.values()), "")


def _response(integration: dict, status: int) -> dict:
    """Return the integration response that upstream chose."""
    responses = integration.get("integrationResponses") or {}
    return next((found for found in responses.values() if str(found.get("statusCode")) == str(status)), {})


def _context_value(value: str, context: dict) -> str:
    """Return a response parameter, which may be mapped from the context (``context.requestId``)."""
    if value.startswith("context.") and "." not in value[8:]:
        return str(context.get(value[8:], ""))
    return value
