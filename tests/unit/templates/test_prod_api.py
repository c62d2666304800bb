"""Production: the API is closed to pages, requests and attacks that it is not for.

Each test removes the safeguard of one resource and expects that resource to be named.
"""

from tests.unit.templates.given import parameters
from tests.unit.templates.production import Resources, lacking, of
from tests.unit.templates.support import everywhere, existing


def wildcard_origins(resources: Resources) -> set[str]:
    """Every place that would allow a call from any page."""
    return {
        title
        for title, each in resources.items()
        for path, value in everywhere(each["Properties"])
        if value in ("*", "'*'") and any("rigin" in str(step) or "ALLOWED_ORIGINS" in str(step) for step in path)
    }


def test_no_answer_allows_any_origin(prod, broken, templates):
    assert wildcard_origins(prod) == set()
    assert "*" not in parameters("prod")["AllowedOrigins"]
    path = ("compute.OrdersQueryFunction", "Properties", "Environment", "Variables", "ALLOWED_ORIGINS")
    assert wildcard_origins(broken(*path, to="*")) == {"compute.OrdersQueryFunction"}
    anyone = existing(templates["api"], parameters("prod", AllowedOrigins="*"))
    assert wildcard_origins({f"api.{title}": each for title, each in anyone.items()})


def tracing_data(resources: Resources) -> set[str]:
    def discreet(stage: dict) -> bool:
        return all(
            each["DataTraceEnabled"] == "false" and each["LoggingLevel"] == "ERROR" for each in stage["MethodSettings"]
        )

    return lacking(resources, "ApiGateway::Stage", that=discreet)


def test_no_request_or_answer_is_logged_whole(prod, broken):
    assert tracing_data(prod) == set()
    for key, to in (("DataTraceEnabled", "true"), ("LoggingLevel", "INFO")):
        assert tracing_data(broken("api.Stage", "Properties", "MethodSettings", 0, key, to=to)) == {"api.Stage"}


def open_methods(resources: Resources) -> set[str]:
    return lacking(
        resources,
        "ApiGateway::Method",
        that=lambda method: method["HttpMethod"] == "OPTIONS" or method.get("ApiKeyRequired") is True,
    )


def test_every_method_but_the_preflight_asks_for_a_key(prod, broken):
    assert open_methods(prod) == set()
    (method, *_) = (
        title for title, each in of(prod, "ApiGateway::Method").items() if each["Properties"]["HttpMethod"] == "PUT"
    )
    assert open_methods(broken(method, "Properties", "ApiKeyRequired", to=False)) == {method}


def unthrottled(resources: Resources) -> set[str]:
    def of_stage(stage: dict) -> bool:
        return all(int(each.get("ThrottlingRateLimit", 0)) > 0 for each in stage["MethodSettings"])

    def of_plan(plan: dict) -> bool:
        return int(plan.get("Throttle", {}).get("RateLimit", 0)) > 0 and int(plan.get("Quota", {}).get("Limit", 0)) > 0

    return lacking(resources, "ApiGateway::Stage", that=of_stage) | lacking(
        resources, "ApiGateway::UsagePlan", that=of_plan
    )


def test_the_api_and_each_of_its_keys_are_throttled(prod, broken):
    assert unthrottled(prod) == set()
    path = ("Properties", "MethodSettings", 0, "ThrottlingRateLimit")
    assert unthrottled(broken("api.Stage", *path)) == {"api.Stage"}
    assert unthrottled(broken("api.UsagePlan", "Properties", "Quota")) == {"api.UsagePlan"}


def unguarded_stages(resources: Resources) -> set[str]:
    guarded = {each["Properties"]["ResourceArn"] for each in of(resources, "WAFv2::WebACLAssociation").values()}
    known = {title for title in of(resources, "ApiGateway::Stage") if of(resources, "WAFv2::WebACL")}
    return set(of(resources, "ApiGateway::Stage")) - {
        title for title in known if any(arn.endswith(f"/stages/{title.split('.')[1]}") for arn in guarded)
    }


def test_a_firewall_protects_the_api(prod, broken):
    assert unguarded_stages(prod) == set()
    assert unguarded_stages(broken("api.WebAclAssociation")) == {"api.Stage"}
    assert unguarded_stages(broken("api.WebAcl")) == {"api.Stage"}
