"""What API Gateway makes of a template: on small APIs of the probes' own, whose methods answer without a function."""

from typing import Any

from conformance.account import Account
from conformance.probe import deploys, expect, holds
from conformance.resources import att, function, ref, role, template
from conformance.waiting import never

API = "AWS::ApiGateway::"
ORIGIN = "https://example.com"
OF_API = {"RestApiId": ref("Api")}
HEADER = "gatewayresponse.header."
REGIONAL = {"EndpointConfiguration": {"Types": ["REGIONAL"]}}


def _method(status: int = 200, **properties: Any) -> dict:
    """GET on the root, answered by API Gateway itself."""
    mock = {
        "Type": "MOCK",
        "RequestTemplates": {"application/json": f'{{"statusCode": {status}}}'},
        "IntegrationResponses": [{"StatusCode": str(status)}],
    }
    return {
        "Type": API + "Method",
        "Properties": {
            **OF_API,
            "ResourceId": att("Api", "RootResourceId"),
            "HttpMethod": "GET",
            "AuthorizationType": "NONE",
            "Integration": mock,
            "MethodResponses": [{"StatusCode": str(status)}],
            **properties,
        },
    }


def _for_customers(scope: str) -> dict:
    return {
        "AuthorizationType": "COGNITO_USER_POOLS",
        "AuthorizerId": ref("Customers"),
        "AuthorizationScopes": [scope],
    }


def _api(get: dict, **more: dict) -> dict:
    """An API with a method on its root, and a stage `test` on a snapshot of it."""
    of_snapshot = [name for name, each in more.items() if each["Type"] == API + "GatewayResponse"]
    stage = {**OF_API, "DeploymentId": ref("Deployment"), "StageName": "test"}
    resources = {
        "Api": {"Type": API + "RestApi", "Properties": {"Name": "conformance", **REGIONAL}},
        "Get": get,
        "Deployment": {"Type": API + "Deployment", "DependsOn": ["Get", *of_snapshot], "Properties": OF_API},
        "Stage": {"Type": API + "Stage", "Properties": stage},
        **more,
    }
    return template(resources, {"Api": ref("Api")})


def _response(kind: str, **headers: str) -> dict:
    properties = {
        **OF_API,
        "ResponseType": kind,
        "ResponseParameters": {HEADER + name.replace("_", "-"): value for name, value in headers.items()},
        "ResponseTemplates": {"application/json": f'{{"kind": "{kind}"}}'},
    }
    return {"Type": API + "GatewayResponse", "Properties": properties}


@deploys("generator/cors.py", "generator/gateway_responses.py")
def a_gateway_response_repeats_the_origin(account: Account, name: str) -> None:
    """method.request.header.origin in a gateway response is the request's origin, for Origin and for origin."""
    allowed = _response("INVALID_API_KEY", Access_Control_Allow_Origin="method.request.header.origin")
    api = account.deployed(name, _api(_method(ApiKeyRequired=True), Refusal=allowed))["Api"]
    # A stage that is not known everywhere yet is 403 as well.
    account.until(lambda: "kind" in account.call(api, "/").text, "the API refuses a request without a key")
    seen = {}
    for spelling in ("Origin", "origin"):
        answer = account.call(api, "/", **{spelling: ORIGIN})
        seen[spelling] = (answer.status, answer.headers.get("Access-Control-Allow-Origin"))
    expect(seen, dict.fromkeys(("Origin", "origin"), (403, ORIGIN)), "status and Access-Control-Allow-Origin")


@deploys("generator/gateway_responses.py", "generator/api.py", "handlers/http.py")
def a_used_up_quota_is_429(account: Account, name: str) -> None:
    """A key whose quota is used up gets the gateway response QUOTA_EXCEEDED, with its headers."""
    quota = {"Limit": 1, "Period": "DAY"}
    key_value = f"{name}-key"
    more = {
        "Refusal": _response("QUOTA_EXCEEDED", Access_Control_Allow_Origin="'*'"),
        "Key": {"Type": API + "ApiKey", "DependsOn": "Stage", "Properties": {"Enabled": True, "Value": key_value}},
        "Plan": {
            "Type": API + "UsagePlan",
            "Properties": {"ApiStages": [{"ApiId": ref("Api"), "Stage": ref("Stage")}], "Quota": quota},
        },
        "Member": {
            "Type": API + "UsagePlanKey",
            "Properties": {"KeyId": ref("Key"), "KeyType": "API_KEY", "UsagePlanId": ref("Plan")},
        },
    }
    api = account.deployed(name, _api(_method(ApiKeyRequired=True), **more))["Api"]

    def refused() -> Any:
        answer = account.call(api, "/", X_Api_Key=key_value)
        return answer if answer.status == 429 else None

    answer = account.until(refused, "429 after the first request")  # a quota is counted with a delay
    seen = (answer.json.get("kind"), answer.headers.get("Access-Control-Allow-Origin"))
    expect(seen, ("QUOTA_EXCEEDED", "*"), "response type and Access-Control-Allow-Origin")


@deploys("generator/api.py")
def a_changed_method_is_not_live_without_a_new_deployment(account: Account, name: str) -> None:
    """A deployment is a snapshot: after an update that changes a method alone, the stage answers as before."""
    api = account.deployed(name, _api(_method(200)))["Api"]
    account.until(lambda: account.call(api, "/").status == 200, "200 from the first snapshot")
    account.deployed(name, _api(_method(202)))

    def changed() -> int | None:
        status = account.call(api, "/").status
        return status if status != 200 else None

    never(account, changed, "200 also after the method alone has changed")


@deploys("generator/customers.py")
def a_method_with_scopes_takes_access_tokens_that_have_one(account: Account, name: str) -> None:
    """Cognito's authorizer takes an access token with a scope of the method, and refuses ID tokens and other scopes with 401."""
    password = "Conformance-1"
    cognito = "AWS::Cognito::UserPool"
    flows = {"UserPoolId": ref("Pool"), "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]}
    customers = {**OF_API, "Name": "customers", "IdentitySource": "method.request.header.Authorization"}
    more = {
        "Pool": {"Type": cognito, "Properties": {"UserPoolName": name}},
        "Client": {"Type": cognito + "Client", "Properties": flows},
        "Customers": {
            "Type": API + "Authorizer",
            "Properties": {**customers, "Type": "COGNITO_USER_POOLS", "ProviderARNs": [att("Pool", "Arn")]},
        },
        "Post": _method(HttpMethod="POST", **_for_customers("orders/write")),
        "Refused": _response("UNAUTHORIZED"),
    }
    document = _api(_method(**_for_customers("aws.cognito.signin.user.admin")), **more)
    document["Resources"]["Deployment"]["DependsOn"].append("Post")
    document["Outputs"] |= {"Pool": {"Value": ref("Pool")}, "Client": {"Value": ref("Client")}}
    made = account.deployed(name, document)
    users = account.client("cognito-idp")
    users.admin_create_user(UserPoolId=made["Pool"], Username="someone", MessageAction="SUPPRESS")
    users.admin_set_user_password(UserPoolId=made["Pool"], Username="someone", Password=password, Permanent=True)
    asked = {"USERNAME": "someone", "PASSWORD": password}
    signed_in = users.initiate_auth(ClientId=made["Client"], AuthFlow="USER_PASSWORD_AUTH", AuthParameters=asked)
    access, identity = (signed_in["AuthenticationResult"][kind] for kind in ("AccessToken", "IdToken"))

    def status(verb: str, token: str) -> int:
        return account.call(made["Api"], "/", verb, Authorization=f"Bearer {token}").status

    account.until(lambda: status("GET", access) == 200, "200 for the token with the scope")
    seen = (status("GET", identity), status("POST", access), status("GET", access + "x"))
    expect(seen, (401, 401, 401), "an ID token, another scope, another signature")


@deploys("generator/api_methods.py", "generator/event_sources.py")
def a_function_without_permission_is_not_invoked(account: Account, name: str) -> None:
    """API Gateway cannot invoke a function that does not permit it, and answers with a server error."""
    uri = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations"
    proxy = {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": {"Fn::Sub": uri}}
    source = 'def handler(event, context):\n    return {"statusCode": 200, "body": ""}\n'
    more = {"Role": role(), "F": function(account.code(source), att("Role", "Arn"))}
    get = _method(Integration=proxy)
    del get["Properties"]["MethodResponses"]
    api = account.deployed(name, _api(get, **more))["Api"]
    account.until(lambda: account.call(api, "/").status not in (403, 404), "the stage answers")
    holds(account.call(api, "/").status >= 500, "a status of 5XX", account.call(api, "/").status)
