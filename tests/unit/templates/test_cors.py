"""Preflights: the configured origins, in a Velocity that only compares."""

import re

import pytest

from config import constraints, environment
from contract.routes import CORS_REQUEST_HEADERS, ROUTES
from generator import cors
from tests.unit.templates.support import evaluate, of_type, root_parameters

STAGE_VARIABLE_VALUE = re.compile(r"[A-Za-z0-9\-._~:/?#&=,]+")


@pytest.fixture(scope="module")
def preflights(api) -> list[dict]:
    return [
        each["Properties"] for title, each in of_type(api, "ApiGateway::Method").items() if title.endswith("Preflight")
    ]


def variables(api, origins: str) -> dict[str, str]:
    stage = api["Resources"]["Stage"]["Properties"]
    return evaluate(api, stage["Variables"], root_parameters("dev", AllowedOrigins=origins))


def test_every_path_with_a_route_answers_preflights(preflights):
    assert len(preflights) == len({route.path for route in ROUTES})
    for each in preflights:
        assert each["HttpMethod"] == "OPTIONS"
        assert each["Integration"]["Type"] == "MOCK"


def test_a_preflight_offers_the_methods_of_its_path_and_the_headers_of_the_contract(api):
    resource = api["Resources"]["OrdersOrderIdPreflight"]["Properties"]["Integration"]["IntegrationResponses"][0]
    headers = resource["ResponseParameters"]
    assert headers["method.response.header.Access-Control-Allow-Methods"] == "'GET,PUT,OPTIONS'"
    assert headers["method.response.header.Access-Control-Allow-Headers"] == f"'{','.join(CORS_REQUEST_HEADERS)}'"
    assert headers["method.response.header.Access-Control-Max-Age"] == "'3600'"
    assert headers["method.response.header.Vary"] == "'Origin'"


def test_no_preflight_allows_an_origin_before_it_has_been_compared(preflights):
    for each in preflights:
        (response,) = each["Integration"]["IntegrationResponses"]
        assert not [name for name in response["ResponseParameters"] if name.endswith("Allow-Origin")]


def test_every_header_of_a_preflight_is_declared(preflights):
    for each in preflights:
        (declared,) = each["MethodResponses"]
        (response,) = each["Integration"]["IntegrationResponses"]
        assert declared["StatusCode"] == response["StatusCode"]
        assert set(response["ResponseParameters"]) <= set(declared["ResponseParameters"])


def test_the_stage_holds_every_configured_origin_and_fills_up_with_none(api):
    assert variables(api, "https://a.example,http://b.example:8080") == {
        "anyOrigin": "false",
        "allowedOrigin1": "https://a.example",
        "allowedOrigin2": "http://b.example:8080",
        "allowedOrigin3": "none",
        "allowedOrigin4": "none",
        "allowedOrigin5": "none",
    }


def test_as_many_origins_as_the_parameter_takes_have_a_variable_and_a_comparison(api):
    origins = [f"https://{n}.example" for n in range(1, constraints.MAX_ORIGINS + 1)]
    held = variables(api, ",".join(origins))
    assert [held[f"allowedOrigin{n}"] for n in range(1, constraints.MAX_ORIGINS + 1)] == origins
    for n in range(1, constraints.MAX_ORIGINS + 1):
        assert f"$origin == $stageVariables.allowedOrigin{n}" in cors.PREFLIGHT_TEMPLATE
    assert re.fullmatch(constraints.ALLOWED_ORIGINS.pattern, ",".join(origins))
    assert not re.fullmatch(constraints.ALLOWED_ORIGINS.pattern, ",".join([*origins, "https://6.example"]))


def test_an_environment_file_takes_as_many_origins_as_the_template(tmp_path):
    def load(count: int):
        origins = [f"https://{n}.example" for n in range(count)]
        (tmp_path / "test.toml").write_text(f"[api]\nallowed_origins = {origins}\n")
        return environment.load("test", tmp_path)

    load(constraints.MAX_ORIGINS)
    with pytest.raises(environment.ConfigError, match="allowed_origins"):
        load(constraints.MAX_ORIGINS + 1)


@pytest.mark.parametrize(
    "origins", ["*", *(root_parameters(name)["AllowedOrigins"] for name in environment.available())]
)
def test_stage_variables_hold_only_what_api_gateway_accepts(api, origins):
    for name, value in variables(api, origins).items():
        assert STAGE_VARIABLE_VALUE.fullmatch(value), name
        assert re.fullmatch(r"\w+", name)


@pytest.mark.parametrize(
    "origins", ["", "https://a.example/", "https://a.example,", "*,https://a.example", "a.example", "https://[::1]"]
)
def test_origins_that_could_never_match_are_refused(origins):
    assert not re.fullmatch(constraints.ALLOWED_ORIGINS.pattern, origins)


def test_the_preflight_uses_only_the_velocity_that_is_proved_locally():
    directives = set(re.findall(r"#(\w+)", cors.PREFLIGHT_TEMPLATE))
    calls = set(re.findall(r"\.(\w+)\(", cors.PREFLIGHT_TEMPLATE))
    assert directives <= {"set", "if", "elseif", "else", "end"}
    assert calls <= {"params", "get"}


def test_the_preflight_renders_to_no_body():
    # Velocity swallows the line break after a directive that stands alone on its line.
    for line in cors.PREFLIGHT_TEMPLATE.splitlines():
        assert re.fullmatch(r"#(set|if|elseif)\(.*\)|#else|#end", line), line
