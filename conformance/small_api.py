"""A small REST API of a probe."""

from typing import Any

from conformance.account import Account
from conformance.http import Answer
from conformance.probe import CannotTry, Differs
from conformance.resources import att, function, ref, role, template

API = "AWS::ApiGateway::"
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
OF_API = {"RestApiId": ref("Api")}
STAGE_ARN = {"Fn::Sub": "arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${Api}/stages/test"}


def method(verb: str, **properties: Any) -> dict:
    path = "lambda:path/2015-03-31/functions/${F.Arn}/invocations"
    uri = {"Fn::Sub": f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:{path}"}
    return {
        "Type": API + "Method",
        "Properties": {
            **OF_API,
            "ResourceId": att("Api", "RootResourceId"),
            "HttpMethod": verb,
            "AuthorizationType": "NONE",
            "Integration": {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": uri},
            **properties,
        },
    }


def api_resources(account: Account, methods: dict[str, dict], stage: dict | None = None) -> dict:
    """A REST API with these methods at its root, a gateway response for each family, and a stage."""
    families = {kind.replace("_", ""): _gateway_response(kind) for kind in ("DEFAULT_4XX", "DEFAULT_5XX")}
    named = {**families, **methods}
    source = {"Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"}
    allowed = {"FunctionName": ref("F"), "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    regional = {"Name": "conformance", "EndpointConfiguration": {"Types": ["REGIONAL"]}}
    return {
        "Role": role(),
        "F": function(account.code(HANDLER), att("Role", "Arn")),
        "Allowed": {"Type": "AWS::Lambda::Permission", "Properties": {**allowed, "SourceArn": source}},
        "Api": {"Type": API + "RestApi", "Properties": regional},
        **named,
        "Deployment": {"Type": API + "Deployment", "DependsOn": list(named), "Properties": OF_API},
        "Stage": {
            "Type": API + "Stage",
            "Properties": {**OF_API, "DeploymentId": ref("Deployment"), "StageName": "test", **(stage or {})},
        },
    }


def _gateway_response(kind: str) -> dict:
    templates = {"application/json": ERROR % kind}
    answer = {"ResponseType": kind, "ResponseParameters": CORS, "ResponseTemplates": templates}
    return {"Type": API + "GatewayResponse", "Properties": {**OF_API, **answer}}


def with_api(
    account: Account, name: str, methods: dict[str, dict] | None = None, stage: dict | None = None, **more: dict
) -> str:
    """Deploy an API, wait until it answers, and return its id."""
    resources = {**api_resources(account, methods or {"Put": method("PUT")}, stage), **more}
    return answering(account, account.deployed(name, template(resources, {"Api": ref("Api")}))["Api"])


def answering(account: Account, api: str) -> str:
    """Wait until the stage is known everywhere: what it refuses has header and form of its gateway responses."""

    def refused() -> bool:
        answer = account.call(api, "/no-such-path")
        return "access-control-allow-origin" in answer.headers and answer.text.startswith("{")

    try:
        account.until(refused, "the API answers")
    except Differs:
        if account.emulated_at:
            raise CannotTry("requests to REST APIs are not served here") from None
        raise
    return api


def validated(**properties: Any) -> dict[str, dict]:
    """A method whose body and parameters a validator checks."""
    flags = {"Name": "all", "ValidateRequestBody": True, "ValidateRequestParameters": True}
    model = {"Name": "Order", "ContentType": "application/json", "Schema": MODEL}
    models = {"application/json": ref("Model")}
    return {
        "Validator": {"Type": API + "RequestValidator", "Properties": {**OF_API, **flags}},
        "Model": {"Type": API + "Model", "Properties": {**OF_API, **model}},
        "Put": method("PUT", RequestValidatorId=ref("Validator"), RequestModels=models, **properties),
    }


def send_json(account: Account, api: str, body: str | bytes, **headers: str) -> Answer:
    return account.call(api, "/", "PUT", body, Content_Type="application/json", **headers)


def plan(key: str, **throttle: Any) -> dict[str, dict]:
    """An API key with this value, and a usage plan for it."""
    stages = [{"ApiId": ref("Api"), "Stage": ref("Stage"), **throttle}]
    member = {"KeyId": ref("Key"), "KeyType": "API_KEY", "UsagePlanId": ref("Plan")}
    return {
        "Key": {"Type": API + "ApiKey", "Properties": {"Enabled": True, "Value": key}},
        "Plan": {"Type": API + "UsagePlan", "Properties": {"ApiStages": stages}},
        "Member": {"Type": API + "UsagePlanKey", "Properties": member},
    }


LINE = '{"id":"$context.requestId","status":"$context.status","route":"$context.httpMethod $context.resourcePath"}'


def access_log(name: str, line: str = LINE) -> tuple[dict, dict]:
    """A log group, and the setting of a stage that logs there."""
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}}
    return group, {"AccessLogSetting": {"DestinationArn": att("Group", "Arn"), "Format": line}}
