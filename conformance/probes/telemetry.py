"""What CloudWatch Logs and X-Ray keep of requests to the deployed platform."""

import json
import secrets
import time
from collections import Counter
from typing import Any

from botocore.exceptions import ClientError

from config import names
from conformance.environment import Environment
from conformance.probe import Differs, expect, holds, reads
from generator import api_logging

LATE = 5
"""Seconds locally; times the wait factor five minutes, by which log lines and traces may be late."""


def _lines(environment: Environment, name: str, pattern: str = "") -> list[str]:
    """Return the lines that a log group of the environment has had in the last ten minutes."""
    logs, group = environment.client("logs"), names.log_group(environment.settings.name, name)
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int((time.time() - 600) * 1000), **({"filterPattern": pattern} if pattern else {})
    )
    return [event["message"] for page in pages for event in page["events"]]


def _requested(environment: Environment, **headers: Any) -> str:
    """Read an order that is not there, and return the request's id."""
    return environment.call("GET", "/orders/fd-absent", **headers).headers["x-amzn-RequestId"]


def _found(environment: Environment, name: str, request_id: str) -> dict:
    """Wait for a JSON line that has the request's id, and return it."""

    def line() -> dict | None:
        found = [json.loads(each) for each in _lines(environment, name, f'"{request_id}"') if request_id in each]
        return found[0] if found else None

    return environment.account.until(line, f"a line about request {request_id} in {name}", LATE)


@reads("handlers/http.py", "handlers/telemetry.py", "operations/logs")
def a_log_line_has_the_id_of_its_request(environment: Environment) -> None:
    """requestContext.requestId is the client's x-amzn-RequestId: a function's JSON line is found by it."""
    request_id = _requested(environment)
    line = _found(environment, "orders-query", request_id)
    expect((line.get("correlation_id"), line.get("status")), (request_id, 404), "correlation_id and status")


@reads("generator/api_logging.py", "generator/queries.py")
def an_access_log_line_has_every_field(environment: Environment) -> None:
    """API Gateway fills in each $context variable of the access log's format."""
    line = _found(environment, api_logging.ACCESS_LOG, _requested(environment))
    expect(set(line), set(api_logging.ACCESS_LOG_FIELDS), "fields")
    literal = {name: value for name, value in line.items() if str(value).startswith("$")}
    expect(literal, {}, "variables that stayed literal")
    expect((line.get("status"), line.get("apiKeyId")), ("404", environment.outputs["ApiKeyId"]), "status and apiKeyId")


@reads("generator/functions.py", "generator/queries.py", "operations/logs")
def lines_of_lambda_itself_are_json(environment: Environment) -> None:
    """With LogFormat JSON the lines that Lambda writes are JSON, of a type such as platform.report, too."""
    request_id = _requested(environment)
    _found(environment, "orders-query", request_id)
    environment.account.until(
        lambda: any("REPORT" in line or "platform.report" in line for line in _lines(environment, "orders-query")),
        "a line about the end of an invocation",
        LATE,
    )
    others = {line.split(" ")[0] for line in _lines(environment, "orders-query") if not line.startswith("{")}
    expect(sorted(others), [], "beginnings of lines that are no JSON")


@reads("operations/logs/lines.py")
def a_json_pattern_filters_log_lines(environment: Environment) -> None:
    """FilterLogEvents takes a pattern on a field of JSON lines, and returns only lines that match."""
    request_id = _requested(environment)
    _found(environment, "orders-query", request_id)
    found = _lines(environment, "orders-query", f'{{ $.correlation_id = "{request_id}" }}')
    seen = Counter("match" if request_id in line else "do not match" for line in found)
    holds(
        seen["match"] and not seen["do not match"],
        "only lines that match",
        f"lines that {' and that '.join(sorted(seen))}",
    )


@reads("generator/queries.py")
def saved_queries_run(environment: Environment) -> None:
    """Logs Insights accepts each saved query, with its parameters replaced, over its log groups."""
    logs = environment.client("logs")
    prefix = f"{names.PROJECT}/{environment.settings.name}/"
    try:
        saved = logs.describe_query_definitions(queryDefinitionNamePrefix=prefix)["queryDefinitions"]
    except ClientError as error:
        environment.needs("Unknown action" not in str(error), "saved queries cannot be listed here")
        raise
    holds(saved, f"saved queries under {prefix}", saved)
    now = int(time.time())
    for query in saved:
        text = query["queryString"].replace("{{orderId}}", "fd-absent").replace("{{correlationId}}", "none")
        groups = query["logGroupNames"]
        try:
            started = logs.start_query(logGroupNames=groups, startTime=now - 600, endTime=now, queryString=text)
        except logs.exceptions.MalformedQueryException as error:
            raise Differs("a query that runs", str(error), query["name"]) from error

        def ended(query_id: str = started["queryId"]) -> str | None:
            status = logs.get_query_results(queryId=query_id)["status"]
            return None if status in ("Scheduled", "Running") else status

        expect(environment.account.until(ended, f"{query['name']} ends"), "Complete", query["name"])


def _xray(environment: Environment) -> Any:
    """Return the client; raise CannotTry if the endpoint answers without an error code, as one without X-Ray does."""
    xray = environment.client("xray")
    try:
        xray.get_sampling_rules()
    except ClientError as error:
        environment.needs(not error.response["Error"]["Code"].isdigit(), "X-Ray is not implemented here")
        raise
    return xray


@reads("generator/api.py")
def the_sampling_rule_is_of_this_stage(environment: Environment) -> None:
    """X-Ray has the environment's sampling rule, with the service name and type that API Gateway's segments carry."""
    records = _xray(environment).get_sampling_rules()["SamplingRuleRecords"]
    api = environment.client("apigateway").get_rest_api(restApiId=environment.outputs["ApiId"])["name"]
    service = f"{api}/{environment.outputs['StageName']}"
    found = [r["SamplingRule"]["ServiceType"] for r in records if r["SamplingRule"]["ServiceName"] == service]
    expect(found, ["AWS::ApiGateway::Stage"], f"types of the rules for {service}")


@reads("generator/api.py", "generator/functions.py", "handlers/telemetry.py")
def a_sampled_request_is_one_trace(environment: Environment) -> None:
    """A request with Sampled=1 makes one trace, with segments of the stage and of the function that it reached."""
    xray, trace_id = _xray(environment), f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    _requested(environment, X_Amzn_Trace_Id=f"Root={trace_id};Sampled=1")

    def origins() -> set[str]:
        traces = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
        documents = [json.loads(segment["Document"]) for trace in traces for segment in trace["Segments"]]
        return {document.get("origin", "") for document in documents}

    wanted = {"AWS::ApiGateway::Stage", "AWS::Lambda", "AWS::Lambda::Function"}
    environment.account.until(lambda: wanted <= origins(), f"segments of {sorted(wanted)}", LATE)


@reads("generator/order_events.py", "deployer/preflight/account_state.py")
def sns_may_trace(environment: Environment) -> None:
    """X-Ray has the policy that lets SNS send segments, if it is to, and at most five in the account and region."""
    pages = _xray(environment).get_paginator("list_resource_policies").paginate()
    found = [policy["PolicyName"] for page in pages for policy in page["ResourcePolicies"]]
    wanted = f"{names.root_stack(environment.settings.name)}-order-events"
    traces = environment.settings.monitoring.trace_deliveries
    holds(
        (wanted in found) is traces and len(found) <= 5, f"{wanted * traces or 'none of it'} among at most five", found
    )


@reads("generator/api_logging.py")
def api_gateway_may_write_logs(environment: Environment) -> None:
    """The account has a role for API Gateway's logs, whichever stack or person made it."""
    account = environment.client("apigateway").get_account()
    holds(
        account.get("cloudwatchRoleArn", "").startswith("arn:"), "the ARN of a role", account.get("cloudwatchRoleArn")
    )
