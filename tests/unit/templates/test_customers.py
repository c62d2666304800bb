"""Routes for customers: all of theirs exists with a user pool, and none without."""

import pytest

from contract.routes import ROUTES
from generator import firewall
from tests.unit.templates.support import evaluate, of_type, root_parameters
from tests.unit.templates.test_api import POOL, methods_of


def existing(template: dict, parameters: dict) -> set[str]:
    return {
        title
        for title, each in template["Resources"].items()
        if "Condition" not in each or evaluate(template, {"Fn::If": [each["Condition"], True, False]}, parameters)
    }


def texts(template: dict, titles: set[str]) -> str:
    return str([template["Resources"][title] for title in sorted(titles)])


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_pool_adds_all_that_customers_have_and_changes_nothing_else(api, name):
    without = existing(api, root_parameters(name))
    with_pool = existing(api, root_parameters(name, UserPoolArn=POOL))
    deployments = {*of_type(api, "ApiGateway::Deployment")}
    added = with_pool - without - deployments
    assert without - deployments < with_pool
    kinds = sorted(api["Resources"][title]["Type"].rpartition("::")[2] for title in added)
    routes = [route for route in ROUTES if route.scope]
    paths = {route.path for route in routes}
    assert kinds == sorted(
        ["Authorizer", *["Method", "Permission"] * len(routes), *["Method"] * len(paths), *["Resource"] * 3]
        + ["Model"] * len({route.request_model for route in routes if route.request_model})
    )
    assert len(with_pool & deployments) == len(without & deployments) == 1


def test_nothing_knows_of_customers_without_a_pool(api):
    titles = existing(api, root_parameters("prod")) - {"Stage"}
    assert "UserPoolArn" not in texts(api, titles) and "COGNITO" not in texts(api, titles)
    stage = evaluate(api, api["Resources"]["Stage"]["Metadata"], root_parameters("prod"))
    assert stage["CustomersMayInvoke"] == "no customers"
    assert not {(m, p) for (m, p) in methods_of(without_customers(api))} & {
        (route.method, route.path) for route in ROUTES if route.scope
    }


def without_customers(api: dict) -> dict:
    titles = existing(api, root_parameters("prod"))
    return {**api, "Resources": {title: each for title, each in api["Resources"].items() if title in titles}}


def test_the_authorizer_takes_tokens_of_the_pool_alone_from_the_authorization_header(api):
    (found,) = of_type(api, "ApiGateway::Authorizer").values()
    properties = evaluate(api, found["Properties"], root_parameters("dev", UserPoolArn=POOL))
    assert properties == {
        "Name": "customers",
        "RestApiId": "OrdersApi",
        "Type": "COGNITO_USER_POOLS",
        "ProviderARNs": [POOL],
        "IdentitySource": "method.request.header.Authorization",
    }


def test_the_stages_throttle_and_the_firewalls_limit_hold_for_customers_too(api):
    """No usage plan counts a request without a key: these two are all that bounds customers."""
    given = root_parameters("prod", UserPoolArn=POOL, WafRateLimit="1000")
    (settings,) = evaluate(api, api["Resources"]["Stage"]["Properties"]["MethodSettings"], given)
    assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == ("100", "200")
    acl = evaluate(api, api["Resources"]["WebAcl"]["Properties"], given)
    (limit,) = [rule for rule in acl["Rules"] if rule["Name"] == firewall.RATE_LIMIT]
    assert limit["Statement"] == {
        "RateBasedStatement": {"AggregateKeyType": "IP", "EvaluationWindowSec": 300, "Limit": "1000"}
    }
    association = api["Resources"]["WebAclAssociation"]["Properties"]["ResourceArn"]["Fn::Sub"]
    assert association.endswith("/restapis/${OrdersApi}/stages/${Stage}")


def test_a_browser_may_send_a_token_and_read_why_it_is_refused(api):
    for title, method in of_type(api, "ApiGateway::Method").items():
        if title.endswith("Preflight"):
            (answer,) = method["Properties"]["Integration"]["IntegrationResponses"]
            allowed = answer["ResponseParameters"]["method.response.header.Access-Control-Allow-Headers"]
            assert "Authorization" in allowed.strip("'").split(",")
    responses = {
        each["Properties"]["ResponseType"]: each["Properties"]
        for each in of_type(api, "ApiGateway::GatewayResponse").values()
    }
    for kind in ("UNAUTHORIZED", "EXPIRED_TOKEN"):
        refused = responses[kind]
        assert refused["StatusCode"] == "401"
        assert refused["ResponseParameters"]["gatewayresponse.header.WWW-Authenticate"] == "'Bearer'"
        assert "gatewayresponse.header.Access-Control-Allow-Origin" in refused["ResponseParameters"]
        assert '"unauthorized"' in refused["ResponseTemplates"]["application/json"]
    assert responses["ACCESS_DENIED"]["StatusCode"] == "403"
