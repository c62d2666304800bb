"""Access logs and metrics of REST APIs."""

import json
import re
import time

from ministack.services import apigateway_v1 as api_gateway
from ministack.services import cloudwatch_logs as logs

from emulator import current_request
from emulator.patches.service_metrics import record
from emulator.registry import patch

VARIABLE = re.compile(r"\$context\.([A-Za-z][\w.-]*\w)")


@patch(upstream="write access logs in the format of the stage's AccessLogSetting")
def api_access_logs() -> None:
    """Write one line a request to the setting's log group. Unknown variables are ``-``, as on AWS."""
    answer = api_gateway._gateway_error_response

    def answer_noted(error, request):
        if api_request := current_request.current():
            api_request.refused_as = error.response_type
        return answer(error, request)

    api_gateway._gateway_error_response = answer_noted
    observe(_log)


@patch(upstream="record AWS/ApiGateway metrics")
def api_metrics() -> None:
    """Record by API and stage, and by method if the stage's MethodSettings enable metrics."""

    def count(request, status, headers, size):
        api = api_gateway._rest_apis.get(request.gateway["api_id"]) or {}
        stage = request.gateway["stage"]
        if not api or not stage:
            return
        by_stage = {"ApiName": api["name"], "Stage": stage["stageName"]}
        dimensions = [by_stage]
        path = request.gateway["resource_path"]
        settings = stage.get("methodSettings") or {}
        if path and (settings.get(f"{path}/{request.method}") or settings.get("*/*") or {}).get("metricsEnabled"):
            dimensions.append({**by_stage, "Resource": path, "Method": request.method})
        latency = (time.time() - request.started) * 1000
        for each in dimensions:
            record("AWS/ApiGateway", "Count", 1, "Count", each)
            record("AWS/ApiGateway", "4XXError", float(400 <= status < 500), "Count", each)
            record("AWS/ApiGateway", "5XXError", float(status >= 500), "Count", each)
            record("AWS/ApiGateway", "Latency", latency, "Milliseconds", each)
            if request.integration_seconds is not None:
                integration = request.integration_seconds * 1000
                record("AWS/ApiGateway", "IntegrationLatency", integration, "Milliseconds", each)

    observe(count)


def observe(report) -> None:
    """Call ``report`` with each request and its answer."""
    current_request.follow()
    handle = api_gateway._handle_execute_in_scope

    async def handle_observed(*positional):
        status, headers, body = await handle(*positional)
        if (request := current_request.current()) and request.gateway["stage"]:
            report(request, status, headers, len(body or b""))
        return status, headers, body

    api_gateway._handle_execute_in_scope = handle_observed


def _log(request: current_request.ApiRequest, status: int, headers: dict, size: int) -> None:
    settings = request.gateway["stage"].get("accessLogSettings") or {}
    group = logs._log_groups.get(settings.get("destinationArn", "").partition(":log-group:")[2].removesuffix(":*"))
    if not group or not settings.get("format"):
        return
    values = _variables(request, status, size)
    line = VARIABLE.sub(lambda match: json.dumps(str(values.get(match.group(1), "-")))[1:-1], settings["format"])
    now = int(time.time() * 1000)
    times = dict.fromkeys(("firstEventTimestamp", "lastEventTimestamp", "lastIngestionTime"))
    empty = {"events": [], "uploadSequenceToken": "1", "creationTime": now, **times}
    stream = group["streams"].setdefault("access", empty)
    logs._append_log_events(stream, [{"timestamp": now, "message": line, "ingestionTime": now}])


def _variables(request: current_request.ApiRequest, status: int, size: int) -> dict[str, object]:
    """Return the ``$context`` variables of an access log."""
    key = api_gateway._resolve_api_key(request.header("x-api-key"))
    integrated = request.integration_seconds is not None
    latency = int(request.integration_seconds * 1000) if integrated else "-"
    integration_status = 200 if integrated and status < 500 else "-"
    return {
        "requestId": request.gateway["request_id"],
        "extendedRequestId": request.gateway["request_id"],
        "apiId": request.gateway["api_id"],
        "stage": request.gateway["stage_name"],
        "httpMethod": request.method,
        "path": request.url_path,
        "resourcePath": request.gateway["resource_path"] or "-",
        "protocol": "HTTP/1.1",
        "status": status,
        "responseLength": size,
        "responseLatency": int((time.time() - request.started) * 1000),
        "integrationLatency": latency,
        "integration.latency": latency,
        "integration.status": integration_status,
        "integrationStatus": integration_status,
        "requestTimeEpoch": int(request.started * 1000),
        "identity.sourceIp": "127.0.0.1",
        "identity.userAgent": request.header("user-agent") or "-",
        "identity.apiKeyId": key["id"] if key else "-",
        "error.responseType": request.refused_as,
    }
