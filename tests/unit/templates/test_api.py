"""The api stack: routes, deployment, stage, logs, key."""

import json
from dataclasses import replace

import pytest

from config.environment import load
from contract import models, routes, schemas
from contract.dialects import modelled
from contract.partners import TIERS
from contract.routes import ROUTES
from generator import api as api_module
from generator import api_logging, api_methods, cors, gateway_responses
from tests.unit.templates.support import evaluate, everywhere, of_type, root_parameters

SNAPSHOT = ("Model", "RequestValidator", "Resource", "Method", "GatewayResponse")


def methods_of(api) -> dict[tuple[str, str], dict]:
    """(method, path) -> properties."""
    tree = of_type(api, "ApiGateway::Resource")

    def path(title: str) -> str:
        parent = tree[title]["Properties"]["ParentId"]
        above = path(parent["Ref"]) if "Ref" in parent else ""
        return f"{above}/{tree[title]['Properties']['PathPart']}"

    found = [each["Properties"] for each in of_type(api, "ApiGateway::Method").values()]
    return {(each["HttpMethod"], path(each["ResourceId"]["Ref"])): each for each in found}


def deployment_ids(template) -> list[str]:
    return [title for title in template.to_dict()["Resources"] if title.startswith("Deployment")]


def test_every_route_is_a_method_and_no_other_method_reaches_a_function(api):
    methods = {key: each for key, each in methods_of(api).items() if key[0] != "OPTIONS"}
    assert set(methods) == {(route.method, route.path) for route in ROUTES}
    for route in ROUTES:
        integration = methods[route.method, route.path]["Integration"]
        assert integration["Type"] == "AWS_PROXY"
        assert integration["IntegrationHttpMethod"] == "POST"
        assert f"${{{route.function.title().replace('_', '')}AliasArn}}" in integration["Uri"]["Fn::Sub"]


def test_no_order_id_can_equal_a_fixed_segment_of_a_route():
    # API Gateway prefers a literal segment to a parameter: GET /orders/async is no order's address.
    segments = {tuple(route.path.strip("/").split("/")) for route in ROUTES}
    literal = {path[1] for path in segments if len(path) > 1 and not path[1].startswith("{")}
    assert literal == {"async", "customer"} <= set(schemas.RESERVED_IDS)


def test_every_method_but_a_preflight_wants_a_key(api):
    for (method, _), properties in methods_of(api).items():
        assert properties["ApiKeyRequired"] == (method != "OPTIONS")


def test_every_route_is_validated_before_it_costs_an_invocation(api):
    (validator,) = of_type(api, "ApiGateway::RequestValidator").values()
    assert validator["Properties"]["ValidateRequestBody"] is True
    assert validator["Properties"]["ValidateRequestParameters"] is True
    methods = methods_of(api)
    for route in ROUTES:
        properties = methods[route.method, route.path]
        assert properties["RequestValidatorId"] == {"Ref": "RequestValidator"}
        expected = {"application/json": {"Ref": f"{route.request_model}Model"}} if route.request_model else None
        assert properties.get("RequestModels") == expected


def test_path_parameters_are_required_and_the_others_are_not(api):
    methods = methods_of(api)
    assert methods["PUT", "/orders/{orderId}"]["RequestParameters"] == {
        "method.request.path.orderId": True,
        "method.request.querystring.timestamp": False,
        "method.request.header.If-Match": False,
        "method.request.header.Idempotency-Key": False,
    }


def test_models_carry_the_contracts_schemas_as_objects(api):
    rendered = {each["Properties"]["Name"]: each["Properties"] for each in of_type(api, "ApiGateway::Model").values()}
    assert set(rendered) == {"OrderRequest", "OrderSubmission", "StatusUpdate", "Order", "OrderPage", "Accepted"}
    for name, properties in rendered.items():
        assert properties["Schema"] == modelled(models.MODELS[name])
        assert properties["ContentType"] == "application/json"


def test_no_model_has_a_name_that_api_gateway_takes_itself(api):
    names = {each["Properties"]["Name"] for each in of_type(api, "ApiGateway::Model").values()}
    assert not names & {"Empty", "Error"}
    assert all(name.isalnum() for name in names)


def test_no_schema_uses_what_api_gateway_cannot_follow(api):
    for model in of_type(api, "ApiGateway::Model").values():
        text = json.dumps(model["Properties"]["Schema"])
        assert model["Properties"]["Schema"]["$schema"] == schemas.DRAFT_04
        assert '"$ref"' not in text
        assert len(text) < 400_000


def test_the_deployment_waits_for_everything_it_takes_a_snapshot_of(api):
    parts = of_type(api, *(f"ApiGateway::{kind}" for kind in SNAPSHOT))
    for deployment in of_type(api, "ApiGateway::Deployment").values():
        assert set(deployment["DependsOn"]) == set(parts)


def test_deployment_id_changes_when_a_model_changes(monkeypatch):
    before = deployment_ids(api_module.build())
    changed = {**models.STATUS_UPDATE, "description": "changed"}
    monkeypatch.setitem(models.MODELS, "StatusUpdate", changed)
    assert not set(before) & set(deployment_ids(api_module.build()))


def test_deployment_id_changes_when_a_route_changes(monkeypatch):
    before = deployment_ids(api_module.build())
    changed = (replace(ROUTES[0], headers={}), *ROUTES[1:])
    for module in (routes, api_module, api_methods, cors):
        monkeypatch.setattr(module, "ROUTES", changed)
    assert not set(before) & set(deployment_ids(api_module.build()))


def test_deployment_id_changes_when_a_gateway_response_changes(monkeypatch):
    before = deployment_ids(api_module.build())
    monkeypatch.setitem(gateway_responses.RESPONSES, "ACCESS_DENIED", ("route_not_found", None))
    assert not set(before) & set(deployment_ids(api_module.build()))


def test_deployment_id_changes_when_the_preflight_changes(monkeypatch):
    before = deployment_ids(api_module.build())
    monkeypatch.setattr(cors, "PREFLIGHT_TEMPLATE", "## changed\n")
    assert not set(before) & set(deployment_ids(api_module.build()))


def test_deployment_id_stays_when_only_the_stage_changes(monkeypatch):
    before = deployment_ids(api_module.build())
    monkeypatch.setattr(api_logging, "ACCESS_LOG_FIELDS", {"requestId": "$context.requestId"})
    assert deployment_ids(api_module.build()) == before


def test_no_parameter_is_frozen_into_a_snapshot_but_the_one_that_selects_the_deployment(api):
    frozen = {"Environment", "OrdersCommandAliasArn", "OrdersQueryAliasArn", "OrdersIntakeAliasArn"}
    # Environment never changes within a stack (it is the stage's name); the ARN of an alias changes
    # with its function's logical id only, and so with the name of the parameter.
    parts = of_type(api, *(f"ApiGateway::{kind}" for kind in SNAPSHOT))
    found = set()
    for part in parts.values():
        text = json.dumps(part)
        found |= {name for name in api["Parameters"] if f'"Ref": "{name}"' in text or f"${{{name}}}" in text}
        assert set(_conditions(part)) <= {cors.ANY_ORIGIN}
    assert found <= frozen


def _conditions(node) -> list[str]:
    return [value["Fn::If"][0] for _, value in everywhere(node) if isinstance(value, dict) and "Fn::If" in value]


@pytest.mark.parametrize(("name", "title"), [("dev", "AnyOrigin"), ("prod", "ListedOrigins")])
def test_the_stage_takes_the_deployment_that_exists(api, name, title):
    parameters = root_parameters(name)
    stage = evaluate(api, api["Resources"]["Stage"]["Properties"], parameters)
    chosen = stage["DeploymentId"]
    assert chosen.endswith(title)
    assert (
        evaluate(api, {"Fn::If": [api["Resources"][chosen]["Condition"], "exists", "missing"]}, parameters) == "exists"
    )
    others = set(of_type(api, "ApiGateway::Deployment")) - {chosen}
    for other in others:
        assert (
            evaluate(api, {"Fn::If": [api["Resources"][other]["Condition"], "exists", "missing"]}, parameters)
            == "missing"
        )


def test_the_stage_is_named_traced_logged_and_throttled(api):
    stage = evaluate(api, api["Resources"]["Stage"]["Properties"], root_parameters("prod"))
    (settings,) = stage["MethodSettings"]
    assert stage["StageName"] == "prod"
    assert stage["TracingEnabled"] is True
    assert stage["AccessLogSetting"]["DestinationArn"] == "AccessLogs.Arn"
    assert settings == {
        "HttpMethod": "*",
        "ResourcePath": "/*",
        "MetricsEnabled": "false",
        "ThrottlingRateLimit": "100",
        "ThrottlingBurstLimit": "200",
        "LoggingLevel": "ERROR",
        "DataTraceEnabled": "false",
    }


@pytest.mark.parametrize(("name", "changes", "rate"), [("prod", {}, "0.05"), ("dev", {"TraceRate": "0.5"}, "0.5")])
def test_xray_records_the_share_of_the_stages_requests_that_the_environment_asks_for(api, name, changes, rate):
    given = root_parameters(name, **changes)
    (found,) = of_type(api, "XRay::SamplingRule").values()
    rule = evaluate(api, found["Properties"], given)["SamplingRule"]
    # As API Gateway names itself to X-Ray: {api-name}/{stage-name}.
    named = evaluate(api, api["Resources"]["OrdersApi"]["Properties"]["Name"], given)
    assert (rule["ServiceType"], rule["ServiceName"]) == ("AWS::ApiGateway::Stage", f"{named}/Stage")
    assert (rule["FixedRate"], rule["ReservoirSize"]) == (rate, "0")
    assert all(rule[key] == "*" for key in ("Host", "HTTPMethod", "URLPath", "ResourceARN"))


def test_a_sampling_rule_has_a_name_that_xray_takes_for_every_environment(api):
    (found,) = of_type(api, "XRay::SamplingRule").values()
    longest = {"Environment": "e" * 20}
    assert len(evaluate(api, found["Properties"]["SamplingRule"]["RuleName"], longest)) <= 32


def test_bodies_are_logged_only_where_data_trace_is_on(api):
    stage = evaluate(api, api["Resources"]["Stage"]["Properties"], root_parameters("dev", DataTrace="true"))
    assert stage["MethodSettings"][0]["LoggingLevel"] == "INFO"
    assert stage["MethodSettings"][0]["DataTraceEnabled"] == "true"


def test_the_access_log_is_one_line_of_json_without_personal_data(api):
    text = api["Resources"]["Stage"]["Properties"]["AccessLogSetting"]["Format"]
    fields = json.loads(text)
    assert "\n" not in text
    assert "$context.requestId" in fields.values()
    private = ("identity.apiKey", "sourceIp", "path", "body", "validationErrorString", "userAgent")
    assert not [
        value
        for value in fields.values()
        for name in private
        if value == f"$context.{name}" or value.endswith(f".{name}")
    ]


def test_the_execution_log_group_is_made_before_api_gateway_makes_it(api):
    resources = api["Resources"]
    name = resources["ExecutionLogs"]["Properties"]["LogGroupName"]
    assert name == {"Fn::Sub": "API-Gateway-Execution-Logs_${OrdersApi}/${Environment}"}
    assert "ExecutionLogs" in resources["Stage"]["DependsOn"]


def test_the_accounts_logging_role_is_made_only_on_request_outlives_the_stack_and_comes_before_the_stage(api):
    resources = api["Resources"]
    for title in ("ApiGatewayAccount", "ApiGatewayAccountRole"):
        assert resources[title]["Condition"] == "ManagesApiGatewayAccount"
        assert resources[title]["DeletionPolicy"] == resources[title]["UpdateReplacePolicy"] == "Retain"
    # A DependsOn on a resource that a condition leaves out would be refused; a reference is not.
    assert "ApiGatewayAccount" not in resources["Stage"]["DependsOn"]
    reference = resources["Stage"]["Metadata"]["LogsByAccountRole"]
    assert evaluate(api, reference, {"ManageApiGatewayAccount": "true"}) == "ApiGatewayAccount"
    assert evaluate(api, reference, {"ManageApiGatewayAccount": "false"}) == "set up elsewhere"


def test_no_resource_depends_outright_on_one_that_may_be_left_out(templates):
    for template in templates.values():
        for resource in template["Resources"].values():
            for title in resource.get("DependsOn", []):
                assert template["Resources"][title].get("Condition") in (None, resource.get("Condition"))


def test_the_key_belongs_to_a_plan_with_throttle_and_quota(api):
    plan = evaluate(api, api["Resources"]["UsagePlan"]["Properties"], root_parameters("dev"))
    assert plan["ApiStages"] == [{"ApiId": "OrdersApi", "Stage": "Stage"}]
    assert plan["Throttle"] == {"RateLimit": "100", "BurstLimit": "200"}
    assert plan["Quota"] == {"Limit": "10000", "Period": "DAY"}
    key = api["Resources"]["UsagePlanKey"]["Properties"]
    assert key == {"UsagePlanId": {"Ref": "UsagePlan"}, "KeyId": {"Ref": "ApiKey"}, "KeyType": "API_KEY"}


@pytest.mark.parametrize("tier", TIERS)
def test_each_tier_of_partners_has_a_plan_of_the_stage_that_the_outputs_name(api, tier):
    title = f"{tier.capitalize()}UsagePlan"
    settings = root_parameters("dev")
    plan = evaluate(api, api["Resources"][title]["Properties"], settings)
    assert plan["ApiStages"] == [{"ApiId": "OrdersApi", "Stage": "Stage"}]
    partners = load("dev").partners
    rate, burst, quota = (str(getattr(partners, f"{tier}_{name}")) for name in ("rate", "burst", "daily_quota"))
    assert plan["Throttle"] == {"RateLimit": rate, "BurstLimit": burst}
    assert plan["Quota"] == {"Limit": quota, "Period": "DAY"}
    assert api["Outputs"][f"{title}Id"]["Value"] == {"Ref": title}


def test_no_key_of_a_partner_is_in_the_template(api):
    keys = [each for each in api["Resources"].values() if each["Type"] == "AWS::ApiGateway::ApiKey"]
    assert len(keys) == 1 and "Value" not in keys[0]["Properties"], "its value would be in the stack"
    assert "operator" in keys[0]["Properties"]["Description"]


def test_the_url_is_complete(api):
    url = evaluate(api, api["Outputs"]["ApiUrl"]["Value"], {"Environment": "dev"})
    assert url == "https://OrdersApi.execute-api.us-east-1.amazonaws.com/Stage"
