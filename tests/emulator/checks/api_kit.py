"""A small REST API for the checks."""

from typing import Any

from tests.emulator.testkit import ROLE, Aws, att, function, ref, template

API = "AWS::ApiGateway::"
KEY = "a-key-of-twenty-characters"

HANDLER = """
import json, time
def handler(event, context):
    body = json.loads(event["body"] or "{}")
    if body.get("raise"):
        raise KeyError("a secret")
    if body.get("sleep"):
        time.sleep(body["sleep"])
    if body.get("nonsense"):
        return {"no": "status"}
    return {"statusCode": 200, "body": json.dumps(event)}
"""
CORS = {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}
ERROR = '{"code":"%s","message":$context.error.messageString,"details":"$context.error.validationErrorString","id":"$context.requestId"}'
MODEL = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "n": {"type": "number"}}}
PREFLIGHT = """\
#set($origin = $input.params().header.get("Origin"))
#if(!$origin || $origin == "")
#set($origin = $input.params().header.get("origin"))
#end
#if($origin == "https://a.example" || $origin == $stageVariables.partner)
#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)
#end
"""


def method(verb: str, **properties: Any) -> dict:
    uri = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations"}
    return {
        "Type": API + "Method",
        "Properties": {
            "RestApiId": ref("Api"),
            "ResourceId": att("Api", "RootResourceId"),
            "HttpMethod": verb,
            "AuthorizationType": "NONE",
            "Integration": {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": uri},
            **properties,
        },
    }


def api_resources(aws: Aws, methods: dict[str, dict], stage: dict | None = None) -> dict:
    """A REST API with these methods at its root, a gateway response for each family, and a stage."""
    of_api = {"RestApiId": ref("Api")}
    families = {
        kind: {
            "Type": API + "GatewayResponse",
            "Properties": {
                **of_api,
                "ResponseType": kind,
                "ResponseParameters": CORS,
                "ResponseTemplates": {"application/json": ERROR % kind},
            },
        }
        for kind in ("DEFAULT_4XX", "DEFAULT_5XX")
    }
    named = {logical.replace("_", ""): resource for logical, resource in {**families, **methods}.items()}
    return {
        "Role": ROLE,
        "F": function(aws.code(HANDLER), att("Role", "Arn")),
        "Api": {
            "Type": API + "RestApi",
            "Properties": {"Name": "orders", "EndpointConfiguration": {"Types": ["REGIONAL"]}},
        },
        **named,
        "Deployment": {"Type": API + "Deployment", "DependsOn": list(named), "Properties": of_api},
        "Stage": {
            "Type": API + "Stage",
            "Properties": {**of_api, "DeploymentId": ref("Deployment"), "StageName": "test", **(stage or {})},
        },
    }


def with_api(
    aws: Aws, name: str, methods: dict[str, dict] | None = None, stage: dict | None = None, **more: dict
) -> str:
    """Deploy an API and return its id."""
    resources = {**api_resources(aws, methods or {"Put": method("PUT")}, stage), **more}
    return aws.deployed(name, template(resources, {"Api": ref("Api")}))["Api"]


def validated(**properties: Any) -> dict[str, dict]:
    """A method whose body and parameters a validator checks."""
    of_api = {"RestApiId": ref("Api")}
    flags = {"Name": "all", "ValidateRequestBody": True, "ValidateRequestParameters": True}
    return {
        "Validator": {"Type": API + "RequestValidator", "Properties": {**of_api, **flags}},
        "Model": {
            "Type": API + "Model",
            "Properties": {**of_api, "Name": "Order", "ContentType": "application/json", "Schema": MODEL},
        },
        "Put": method(
            "PUT", RequestValidatorId=ref("Validator"), RequestModels={"application/json": ref("Model")}, **properties
        ),
    }


def send_json(aws: Aws, api: str, body: str | bytes, **headers: str):
    return aws.call(api, "/", "PUT", body, Content_Type="application/json", **headers)


def plan(**throttle: Any) -> dict[str, dict]:
    """An API key, and a usage plan for it."""
    stages = [{"ApiId": ref("Api"), "Stage": ref("Stage"), **({"Throttle": throttle["Throttle"]} if throttle else {})}]
    return {
        "Key": {"Type": API + "ApiKey", "Properties": {"Enabled": True, "Value": KEY}},
        "Plan": {"Type": API + "UsagePlan", "Properties": {"ApiStages": stages}},
        "Member": {
            "Type": API + "UsagePlanKey",
            "Properties": {"KeyId": ref("Key"), "KeyType": "API_KEY", "UsagePlanId": ref("Plan")},
        },
    }


def access_log(name: str) -> tuple[dict, dict]:
    """A log group, and the setting of a stage that logs there."""
    line = '{"id":"$context.requestId","status":"$context.status","route":"$context.httpMethod $context.resourcePath"}'
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}}
    return group, {"AccessLogSetting": {"DestinationArn": att("Group", "Arn"), "Format": line}}
