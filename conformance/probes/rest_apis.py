"""What API Gateway does with requests, and with the resources that define an API: on small APIs of the probes' own."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from conformance import limits, removal
from conformance.account import Account
from conformance.measures import counted
from conformance.probe import CannotTry, Differs, deploys, expect, holds
from conformance.resources import att, ref, template
from conformance.small_api import (
    PREFLIGHT,
    STAGE_ARN,
    access_log,
    answering,
    api_resources,
    method,
    plan,
    send_json,
    validated,
    with_api,
)
from conformance.small_stacks import refused

METHODS, RESPONSES, LOGGING = "generator/api_methods.py", "generator/gateway_responses.py", "generator/api_logging.py"
STRICT = "contract/dialects.py"


@deploys(METHODS)
def api_request_validators(account: Account, name: str) -> None:
    """A request validator with a model refuses a body that is not of the model, with 400."""
    api = with_api(account, name, validated())
    found = account.client("apigateway").get_request_validators(restApiId=api)["items"]
    expect([(each["name"], each["validateRequestBody"]) for each in found], [("all", True)], "validators")
    expect(send_json(account, api, '{"id": 1}').status, 400, "status of an id that is no text")


@deploys(METHODS)
def api_method_properties(account: Account, name: str) -> None:
    """A method whose validator checks parameters answers 400 and names the query parameter that is missing."""
    api = with_api(account, name, validated(RequestParameters={"method.request.querystring.day": True}))
    missing = send_json(account, api, '{"id": "1"}')
    expect(missing.status, 400, "status without the parameter")
    holds("day" in missing.json["message"], "the message names the parameter", missing.json["message"])
    gateway = account.client("apigateway")
    resource = gateway.get_resources(restApiId=api)["items"][0]["id"]
    found = gateway.get_method(restApiId=api, resourceId=resource, httpMethod="PUT")
    holds(found.get("requestValidatorId"), "the method has its validator", found)


@deploys(STRICT, METHODS)
def api_strict_json(account: Account, name: str) -> None:
    """With a model, NaN, Infinity, numbers beyond a double, deep nesting, invalid UTF-8 and no body are answered 400."""
    api = with_api(account, name, validated())
    numbers = ("NaN", "-Infinity", "1e400", "9" * 5000)
    bodies: list[str | bytes] = [
        *(f'{{"id":"1","n":{number}}}' for number in numbers),
        "[" * 100_000,
        b"\xff\xfe",
        "",
        '{"id":',
    ]
    for body in bodies:
        expect(send_json(account, api, body).status, 400, f"status of {body[:30]!r}")
    expect(send_json(account, api, '{"id":"1","n":1.5}').status, 200, "status of a valid body")


@deploys(RESPONSES, "generator/cors.py")
def api_error_variables(account: Account, name: str) -> None:
    """$context.error.validationErrorString lists what is wrong with a body, escaped for JSON."""
    wrong = send_json(account, with_api(account, name, validated()), '{"n": 1}')
    expect(wrong.json["details"], '[object has missing required properties (["id"])]', "details")


@deploys(RESPONSES)
def api_request_size(account: Account, name: str) -> None:
    """A body above 10 MB is answered 413 by a gateway response."""
    large = send_json(account, with_api(account, name), " " * (10 * 1024 * 1024 + 1))
    expect(large.status, 413, "status")
    expect(large.headers.get("access-control-allow-origin"), "*", "allowed origin")


@deploys("handlers/http.py", "contract/routes.py")
def api_events(account: Account, name: str) -> None:
    """A proxy event has headers as sent, the path with its stage, the response's request id, the API key and its id."""
    key = f"{name}-key-of-the-probe"
    api = with_api(account, name, {"Put": method("PUT", ApiKeyRequired=True)}, **plan(key))
    answer = account.until(lambda: _unless_forbidden(account, api, key), "the key is accepted")
    event, context = answer.json, answer.json["requestContext"]
    expect(event["headers"].get("X-Client-Case"), "1", "header as the client spells it")
    expect(context["identity"].get("apiKey"), key, "identity.apiKey")
    expect(context["identity"].get("apiKeyId"), account.child(name, "Key"), "identity.apiKeyId")
    expect(context["requestId"], answer.headers["x-amzn-requestid"], "requestId")
    expect(context["path"], urlsplit(account.api_url(api) + "/").path, "path")


def _unless_forbidden(account: Account, api: str, key: str):
    """Return the answer, None while the key is not known everywhere yet."""
    answer = send_json(account, api, "{}", X_Api_Key=key, X_Client_Case="1")
    return None if answer.status == 403 else answer


@deploys("generator/api.py")
def api_usage_plan_method_throttle(account: Account, name: str) -> None:
    """A usage plan's limit of one method answers requests beyond it with 429."""
    key = f"{name}-key-of-the-probe"
    throttle = {"//PUT": {"RateLimit": 0.001, "BurstLimit": 1}}
    api = with_api(account, name, {"Put": method("PUT", ApiKeyRequired=True)}, **plan(key, Throttle=throttle))
    first = account.until(lambda: _unless_forbidden(account, api, key), "the key is accepted")
    expect(first.status, 200, "status of the first request")
    # API Gateway counts on several hosts, each for itself.
    later = {send_json(account, api, "{}", X_Api_Key=key).status for _ in range(1 if account.emulated_at else 50)}
    holds(429 in later, "429 beyond the limit", later)


@deploys("operations/partners/keys.py")
def api_key_values(account: Account, name: str) -> None:
    """No two API keys have the same value: a repeated CreateApiKey is a ConflictException."""
    gateway, asked = account.client("apigateway"), {"name": name, "value": f"{name}-key-of-the-probe"}
    made = gateway.create_api_key(**asked, tags={removal.TAG: account.mark})["id"]
    account.made.callback(gateway.delete_api_key, apiKey=made)
    try:
        again = gateway.create_api_key(**asked)["id"]
    except ClientError as error:
        expect(error.response["Error"]["Code"], "ConflictException", "error code")
    else:
        account.made.callback(gateway.delete_api_key, apiKey=again)
        raise Differs("ConflictException", f"a second key, {again}")


@deploys("benchmarks/load/local.py")
def api_usage_plans_of_a_key(account: Account, name: str) -> None:
    """GetUsagePlans by a key returns the usage plans that the key is in, and no others."""
    api = with_api(account, name, **plan(f"{name}-key-of-the-probe"), Other=_other_plan())
    found = account.client("apigateway").get_usage_plans(keyId=account.child(name, "Key"))["items"]
    expect([each["id"] for each in found], [account.child(name, "Plan")], f"plans of the key of {api}")


def _other_plan() -> dict:
    return {"Type": "AWS::ApiGateway::UsagePlan", "Properties": {"ApiStages": []}}


@deploys("operations/partners/listing.py")
def api_usage(account: Account, name: str) -> None:
    """GetUsage has, by the id of each key, the requests of each day."""
    key = f"{name}-key-of-the-probe"
    api = with_api(account, name, {"Put": method("PUT", ApiKeyRequired=True)}, **_metered(key))
    account.until(lambda: _unless_forbidden(account, api, key), "the key is accepted")
    days = {"startDate": str(datetime.now(UTC).date() - timedelta(days=1)), "endDate": str(datetime.now(UTC).date())}
    asked = {"usagePlanId": account.child(name, "Plan"), **days}

    def used() -> bool:
        usage = account.client("apigateway").get_usage(**asked).get("items", {})
        return sum(requests for requests, _ in usage.get(account.child(name, "Key"), [])) > 0

    account.until(used, "the request is counted")


def _metered(key: str) -> dict[str, dict]:
    resources = plan(key)
    resources["Plan"]["Properties"]["Quota"] = {"Limit": 1000, "Period": "DAY"}
    return resources


@deploys(RESPONSES, "handlers/http.py")
def api_function_failures(account: Account, name: str) -> None:
    """A function that raises, or answers what is no response, is answered 502 by DEFAULT_5XX, without its error's text."""
    api = with_api(account, name)
    for body in ('{"raise": 1}', '{"nonsense": 1}'):
        failed = send_json(account, api, body)
        expect(failed.status, 502, f"status for {body}")
        expect(failed.headers.get("access-control-allow-origin"), "*", "allowed origin")
        expect(failed.json.get("code"), "DEFAULT_5XX", "gateway response")
        holds("secret" not in failed.text, "the error's text is not in the answer", failed.text)


@deploys(RESPONSES, METHODS)
def api_integration_timeout(account: Account, name: str) -> None:
    """An integration that is not done in time is answered 504."""
    hasty = method("PUT")
    hasty["Properties"]["Integration"]["TimeoutInMillis"] = 300
    expect(send_json(account, with_api(account, name, {"Put": hasty}), '{"sleep": 1}').status, 504, "status")
    limits.pause(1.5)  # the function goes on, and writes its log


@deploys("generator/cors.py", "generator/origins.py")
def api_mock_templates(account: Account, name: str) -> None:
    """A MOCK integration's response template can override a header, by the request's Origin and stage variables."""
    answer = {
        "StatusCode": "204",
        "ResponseTemplates": {"application/json": PREFLIGHT},
        "ResponseParameters": {"method.response.header.Access-Control-Allow-Methods": "'GET,PUT'"},
    }
    mock = {
        "Type": "MOCK",
        "RequestTemplates": {"application/json": '{"statusCode": 204}'},
        "IntegrationResponses": [answer],
    }
    headers = {f"method.response.header.Access-Control-Allow-{each}": True for each in ("Methods", "Origin")}
    responses = [{"StatusCode": "204", "ResponseParameters": headers}]
    options = method("OPTIONS", Integration=mock, MethodResponses=responses)
    api = with_api(account, name, {"Options": options}, {"Variables": {"partner": "https://b.example"}})
    allowed = {
        "https://a.example": "https://a.example",
        "https://b.example": "https://b.example",
        "https://c.example": None,
    }
    for origin, expected in allowed.items():
        preflight = account.call(api, "/", "OPTIONS", Origin=origin)
        expect((preflight.status, preflight.text), (204, ""), "preflight")
        expect(preflight.headers.get("access-control-allow-origin"), expected, f"allowed origin for {origin}")
        expect(preflight.headers.get("access-control-allow-methods"), "GET,PUT", "allowed methods")


def _logging(account: Account, name: str) -> str:
    """Deploy an API that logs to the group with this name."""
    group, setting = access_log(name)
    try:
        return with_api(account, name, None, setting, Group=group)
    except Differs as differs:
        if "CloudWatch Logs role" in str(differs):
            raise CannotTry("API Gateway has no role for logs in this account and region") from None
        raise


@deploys(LOGGING)
def api_access_logs(account: Account, name: str) -> None:
    """A stage logs each request in its format, with the request id that the client gets."""
    answer = send_json(account, _logging(account, name), "{}")
    expected = {"id": answer.headers["x-amzn-requestid"], "status": "200", "route": "PUT /"}
    logged = account.until(lambda: [json.loads(line) for line in account.messages(name)], "the request is logged")
    holds(expected in logged, f"a line {expected}", logged)


@deploys(LOGGING)
def api_stage_access_logs(account: Account, name: str) -> None:
    """GetStage returns the format of the access log."""
    found = account.client("apigateway").get_stage(restApiId=_logging(account, name), stageName="test")
    seen = found.get("accessLogSettings", {}).get("format", "")
    holds("$context.requestId" in seen, "the format that the template declares", seen)


@deploys("generator/refusals.py", uses={"metric": 1})
def metric_filters(account: Account, name: str) -> None:
    """A metric filter counts the JSON lines of its pattern, with a dimension from a field of the line."""
    group, setting = access_log(name, '{"stage":"$context.stage","errorType":"$context.error.responseType"}')
    counting = {
        "MetricNamespace": name,
        "MetricName": "Refused",
        "MetricValue": "1",
        "Dimensions": [{"Key": "Stage", "Value": "$.stage"}],
    }
    pattern = '{ $.stage = "*" && ($.errorType = "QUOTA_EXCEEDED" || $.errorType = "INVALID_API_KEY") }'
    counter = {
        "Type": "AWS::Logs::MetricFilter",
        "Properties": {"LogGroupName": ref("Group"), "FilterPattern": pattern, "MetricTransformations": [counting]},
    }
    resources = {"Get": method("GET"), "Put": method("PUT", ApiKeyRequired=True)}
    api = with_api(account, name, resources, setting, Group=group, Counter=counter)
    account.call(api, "/", "GET")
    expect(send_json(account, api, "{}").status, 403, "status without an API key")
    counted(account, name, "Refused", {"Stage": "test"}, 1)


@deploys("generator/alarms/api.py", uses={"method_metric": 5})
def api_metrics(account: Account, name: str) -> None:
    """API Gateway counts requests and 5XX errors by API and stage, and by method if the stage says so."""
    metrics_on = [{"ResourcePath": "/*", "HttpMethod": "*", "MetricsEnabled": True}]
    resources = api_resources(account, {"Put": method("PUT")}, {"MethodSettings": metrics_on})
    resources["Api"]["Properties"]["Name"] = name
    api = answering(account, account.deployed(name, template(resources, {"Api": ref("Api")}))["Api"])
    send_json(account, api, "{}")
    send_json(account, api, '{"raise": 1}')
    at = {"ApiName": name, "Stage": "test", "Resource": "/", "Method": "PUT"}
    counted(account, "AWS/ApiGateway", "Count", at, 2)
    counted(account, "AWS/ApiGateway", "5XXError", at, 1)
    counted(account, "AWS/ApiGateway", "5XXError", {"ApiName": name, "Stage": "test"}, 1)


@deploys("generator/api.py")
def api_endpoint_configuration(account: Account, name: str) -> None:
    """GetRestApi returns the endpoint type that the template declares."""
    found = account.client("apigateway").get_rest_api(restApiId=with_api(account, name))
    expect(found.get("endpointConfiguration", {}).get("types"), ["REGIONAL"], "endpoint types")


@deploys("generator/api.py")
def api_deployment_order(account: Account, name: str) -> None:
    """A deployment that a stage points to cannot be deleted; CloudFormation replaces it in the right order."""

    def versions(logical_id: str) -> dict:
        resources = api_resources(account, {"Put": method("PUT")})
        resources[logical_id] = resources.pop("Deployment")
        resources["Stage"]["Properties"]["DeploymentId"] = ref(logical_id)
        return template(resources, {"Api": ref("Api")})

    api, gateway = account.deployed(name, versions("First"))["Api"], account.client("apigateway")
    try:
        gateway.delete_deployment(restApiId=api, deploymentId=account.child(name, "First"))
    except ClientError as error:
        holds("Active stages" in str(error), "it is refused because of the active stage", error)
    else:
        raise Differs("the deployment stays", "it is deleted")
    account.deployed(name, versions("Second"))
    second = account.child(name, "Second")
    expect(gateway.get_stage(restApiId=api, stageName="test")["deploymentId"], second, "deployment of the stage")
    expect([each["id"] for each in gateway.get_deployments(restApiId=api)["items"]], [second], "deployments")


@deploys("generator/api.py")
def api_stage_needs_deployment(account: Account, name: str) -> None:
    """A stage whose deployment does not exist fails the stack."""
    resources = api_resources(account, {"Put": method("PUT")}, {"DeploymentId": "absent"})
    refused(account, name, resources, "deployment id")


@deploys("generator/firewall.py", uses={"firewall": 1})
def web_acl_associations(account: Account, name: str) -> None:
    """CloudFormation associates a web ACL with a stage, and GetWebACLForResource returns it."""
    visible = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"}
    acl = {"Name": name, "Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "VisibilityConfig": visible, "Rules": []}
    link = {"WebACLArn": att("Acl", "Arn"), "ResourceArn": STAGE_ARN}
    resources = {
        **api_resources(account, {"Put": method("PUT")}),
        "Acl": {"Type": "AWS::WAFv2::WebACL", "Properties": acl},
        "Link": {"Type": "AWS::WAFv2::WebACLAssociation", "DependsOn": "Stage", "Properties": link},
    }
    stage = account.deployed(name, template(resources, {"Stage": STAGE_ARN}))["Stage"]
    found = account.client("wafv2").get_web_acl_for_resource(ResourceArn=stage)
    expect(found["WebACL"]["Name"], name, "web ACL of the stage")
    expect(account.delete(name)["StackStatus"], "DELETE_COMPLETE", "deletion")
