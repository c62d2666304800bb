"""Checks of REST APIs."""

import json

from botocore.exceptions import ClientError

from tests.emulator.checks.api_kit import (
    KEY,
    PREFLIGHT,
    access_log,
    api_resources,
    method,
    plan,
    send_json,
    validated,
    with_api,
)
from tests.emulator.checks.common import (
    check,
    refused,
    summed,
)
from tests.emulator.testkit import Aws, ref, template


@check
def api_request_validators(aws: Aws, name: str) -> None:
    api = with_api(aws, name, validated())
    found = aws.client("apigateway").get_request_validators(restApiId=api)["items"]
    assert [(v["name"], v["validateRequestBody"]) for v in found] == [("all", True)]
    assert send_json(aws, api, '{"id": 1}').status == 400


@check
def api_method_properties(aws: Aws, name: str) -> None:
    api = with_api(aws, name, validated(RequestParameters={"method.request.querystring.day": True}))
    missing = send_json(aws, api, '{"id": "1"}')
    assert missing.status == 400 and "day" in missing.json["message"]
    resource = aws.client("apigateway").get_resources(restApiId=api)["items"][0]["id"]
    assert aws.client("apigateway").get_method(restApiId=api, resourceId=resource, httpMethod="PUT")[
        "requestValidatorId"
    ]


@check
def api_strict_json(aws: Aws, name: str) -> None:
    api = with_api(aws, name, validated())
    for body in (
        '{"id":"1","n":NaN}',
        '{"id":"1","n":-Infinity}',
        '{"id":"1","n":1e400}',
        '{"id":"1","n":' + "9" * 5000 + "}",
        "[" * 100_000,
        b"\xff\xfe",
        "",
        '{"id":',
    ):
        assert send_json(aws, api, body).status == 400, body[:30]
    assert send_json(aws, api, '{"id":"1","n":1.5}').status == 200


@check
def api_error_variables(aws: Aws, name: str) -> None:
    wrong = send_json(aws, with_api(aws, name, validated()), '{"n": 1}')
    assert wrong.json["details"] == '[object has missing required properties (["id"])]'


@check
def api_request_size(aws: Aws, name: str) -> None:
    large = send_json(aws, with_api(aws, name), " " * (10 * 1024 * 1024 + 1))
    assert large.status == 413 and large.headers["access-control-allow-origin"] == "*"


@check
def api_events(aws: Aws, name: str) -> None:
    api = with_api(aws, name, {"Put": method("PUT", ApiKeyRequired=True)}, **plan())
    answer = send_json(aws, api, "{}", X_Api_Key=KEY, X_Client_Case="1")
    event = answer.json
    assert event["headers"]["X-Client-Case"] == "1"  # as urllib spells it
    assert event["requestContext"]["identity"]["apiKey"] == KEY
    assert event["requestContext"]["identity"]["apiKeyId"] == aws.child(name, "Key")
    assert event["requestContext"]["requestId"] == answer.headers["x-amzn-requestid"]
    assert event["requestContext"]["path"] == f"/restapis/{api}/test/_user_request_/"


@check
def api_usage_plan_method_throttle(aws: Aws, name: str) -> None:
    limits = {"//PUT": {"RateLimit": 0.001, "BurstLimit": 1}}
    key = {**plan(Throttle=limits)}
    key["Key"]["Properties"]["Value"] = KEY + name
    api = with_api(aws, name, {"Put": method("PUT", ApiKeyRequired=True)}, **key)
    assert [send_json(aws, api, "{}", X_Api_Key=KEY + name).status for _ in range(2)] == [200, 429]


@check
def api_function_failures(aws: Aws, name: str) -> None:
    api = with_api(aws, name)
    for body in ('{"raise": 1}', '{"nonsense": 1}'):
        failed = send_json(aws, api, body)
        assert failed.status == 502 and failed.headers["access-control-allow-origin"] == "*"
        assert failed.json["code"] == "DEFAULT_5XX" and "secret" not in failed.body


@check
def api_integration_timeout(aws: Aws, name: str) -> None:
    hasty = method("PUT")
    hasty["Properties"]["Integration"]["TimeoutInMillis"] = 300
    assert send_json(aws, with_api(aws, name, {"Put": hasty}), '{"sleep": 1}').status == 504


@check
def api_mock_templates(aws: Aws, name: str) -> None:
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
    variables = {"Variables": {"partner": "https://b.example"}}
    api = with_api(aws, name, {"Options": method("OPTIONS", Integration=mock)}, variables)
    for origin, allowed in (
        ("https://a.example", "https://a.example"),
        ("https://b.example", "https://b.example"),
        ("https://evil.example", None),
    ):
        preflight = aws.call(api, "/", "OPTIONS", Origin=origin)
        assert (preflight.status, preflight.body) == (204, "")
        assert preflight.headers.get("access-control-allow-origin") == allowed
        assert preflight.headers["access-control-allow-methods"] == "GET,PUT"


@check
def api_access_logs(aws: Aws, name: str) -> None:
    group, setting = access_log(name)
    answer = send_json(aws, with_api(aws, name, None, setting, Group=group), "{}")
    assert json.loads(aws.messages(name)[-1]) == {
        "id": answer.headers["x-amzn-requestid"],
        "status": "200",
        "route": "PUT /",
    }


@check
def api_stage_access_logs(aws: Aws, name: str) -> None:
    group, setting = access_log(name)
    api = with_api(aws, name, None, setting, Group=group)
    assert (
        "$context.requestId"
        in aws.client("apigateway").get_stage(restApiId=api, stageName="test")["accessLogSettings"]["format"]
    )


@check
def api_metrics(aws: Aws, name: str) -> None:
    metrics_on = [{"ResourcePath": "/*", "HttpMethod": "*", "MetricsEnabled": True}]
    resources = api_resources(aws, {"Put": method("PUT")}, {"MethodSettings": metrics_on})
    resources["Api"]["Properties"]["Name"] = name
    api = aws.deployed(name, template(resources, {"Api": ref("Api")}))["Api"]
    send_json(aws, api, "{}")
    send_json(aws, api, '{"raise": 1}')
    at = {"ApiName": name, "Stage": "test"}
    assert summed(aws, "AWS/ApiGateway", "Count", **at) == 2
    assert summed(aws, "AWS/ApiGateway", "5XXError", **at, Resource="/", Method="PUT") == 1


@check
def api_endpoint_configuration(aws: Aws, name: str) -> None:
    assert aws.client("apigateway").get_rest_api(restApiId=with_api(aws, name))["endpointConfiguration"]["types"] == [
        "REGIONAL"
    ]


@check
def api_deployment_order(aws: Aws, name: str) -> None:
    """A deployment that a stage uses is not deleted; replaced in the right order it is."""

    def versions(logical_id: str) -> dict:
        resources = api_resources(aws, {"Put": method("PUT")})
        resources[logical_id] = resources.pop("Deployment")
        resources["Stage"]["Properties"]["DeploymentId"] = ref(logical_id)
        return template(resources, {"Api": ref("Api")})

    api = aws.deployed(name, versions("First"))["Api"]
    first = aws.child(name, "First")
    try:
        aws.client("apigateway").delete_deployment(restApiId=api, deploymentId=first)
    except ClientError as error:
        assert "Active stages" in str(error)
    else:
        raise AssertionError("the stage lost its deployment")
    aws.deployed(name, versions("Second"))
    assert aws.client("apigateway").get_stage(restApiId=api, stageName="test")["deploymentId"] == aws.child(
        name, "Second"
    )
    assert [d["id"] for d in aws.client("apigateway").get_deployments(restApiId=api)["items"]] == [
        aws.child(name, "Second")
    ]


@check
def api_stage_needs_deployment(aws: Aws, name: str) -> None:
    resources = api_resources(aws, {"Put": method("PUT")}, {"DeploymentId": "absent"})
    refused(aws, name, resources, "Deployment id does not exist")
