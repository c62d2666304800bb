"""Errors that API Gateway answers without a function: one error shape, the contract's statuses, readable in a browser."""

import json
import re

import pytest

from contract.errors import ERRORS
from contract.models import ERROR
from contract.routes import CORS_RESPONSE_HEADERS
from tests.unit.templates.support import evaluate, of_type, root_parameters


@pytest.fixture(scope="module")
def responses(api) -> dict[str, dict]:
    found = [each["Properties"] for each in of_type(api, "ApiGateway::GatewayResponse").values()]
    return {each["ResponseType"]: each for each in found}


def body_of(response: dict) -> dict:
    """The body as a client sees it."""
    template = response["ResponseTemplates"]["application/json"]
    return json.loads(re.sub(r"\$context\.[\w.]+", "substituted", template))["error"]


def header_of(api, response: dict, name: str, environment: str = "dev") -> str | None:
    headers = evaluate(api, response["ResponseParameters"], root_parameters(environment))
    return headers.get(f"gatewayresponse.header.{name}")


def test_every_gateway_response_body_is_json_in_the_error_shape(responses):
    required = ERROR["properties"]["error"]["required"]
    for kind, response in responses.items():
        error = body_of(response)
        assert list(error) == required, kind
        assert error["message"] == ERRORS[error["code"]].message
        assert error["requestId"] == "substituted"
        assert all(isinstance(detail, str) for detail in error["details"])


def test_every_gateway_response_has_the_status_of_its_error(responses):
    for kind, response in responses.items():
        if kind.startswith("DEFAULT_"):
            # A status here would replace that of every type without a response.
            assert "StatusCode" not in response
        else:
            assert response["StatusCode"] == str(ERRORS[body_of(response)["code"]].status), kind


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("BAD_REQUEST_BODY", "invalid_request"),
        ("BAD_REQUEST_PARAMETERS", "invalid_request"),
        ("INVALID_API_KEY", "forbidden"),
        ("ACCESS_DENIED", "forbidden"),
        ("WAF_FILTERED", "forbidden"),
        ("MISSING_AUTHENTICATION_TOKEN", "route_not_found"),
        ("RESOURCE_NOT_FOUND", "route_not_found"),
        ("THROTTLED", "throttled"),
        ("QUOTA_EXCEEDED", "quota_exceeded"),
        ("REQUEST_TOO_LARGE", "payload_too_large"),
        ("UNSUPPORTED_MEDIA_TYPE", "unsupported_media_type"),
        ("INTEGRATION_TIMEOUT", "timeout"),
        ("DEFAULT_5XX", "internal_error"),
    ],
)
def test_each_refusal_has_the_code_that_programs_expect(responses, kind, code):
    assert body_of(responses[kind])["code"] == code


def test_a_validation_error_says_what_is_wrong(responses):
    for kind in ("BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS"):
        assert "$context.error.validationErrorString" in responses[kind]["ResponseTemplates"]["application/json"]


def test_no_server_error_shows_what_went_wrong_inside(responses):
    for kind, response in responses.items():
        if ERRORS[body_of(response)["code"]].status >= 500:
            assert body_of(response)["details"] == [], kind


def test_a_throttled_request_gets_retry_after(api, responses):
    assert header_of(api, responses["THROTTLED"], "Retry-After") == "'1'"
    assert header_of(api, responses["QUOTA_EXCEEDED"], "Retry-After") is None


@pytest.mark.parametrize(("environment", "origin"), [("dev", "'*'"), ("prod", "method.request.header.origin")])
def test_a_browser_can_read_every_error(api, responses, environment, origin):
    for kind, response in responses.items():
        assert header_of(api, response, "Access-Control-Allow-Origin", environment) == origin, kind
        assert header_of(api, response, "Vary", environment) == "'Origin'"
        assert (
            header_of(api, response, "Access-Control-Expose-Headers", environment)
            == f"'{','.join(CORS_RESPONSE_HEADERS)}'"
        )


def test_no_error_allows_credentials_to_origins_it_merely_repeats(responses):
    for response in responses.values():
        assert not [name for name in response["ResponseParameters"] if "credentials" in name.lower()]


def test_headers_are_mapped_only_from_what_api_gateway_supports_here(api, responses):
    # Documented for gateway responses: constants and parameters of the request. A stage with
    # anything else may be refused as a whole.
    for environment in ("dev", "prod"):
        for response in responses.values():
            for value in evaluate(api, response["ResponseParameters"], root_parameters(environment)).values():
                assert re.fullmatch(r"'[^']*'|method\.request\.(header|querystring|path)\.[\w-]+", value), value
