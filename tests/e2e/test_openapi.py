"""The deployed API against its OpenAPI document, by schemathesis: valid and invalid requests, every check."""

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.core.failures import Failure, FailureGroup

from generator import openapi
from tests.e2e.support import Deployment

pytestmark = pytest.mark.e2e

# (title of the finding, error code of the answer, part of the finding or of the answer's first detail) -> why it is right.
EXPECTED = {
    ("Schema-valid request rejected", "feature_disabled", ""): "flags are settings, by customer",
    ("Schema-valid request rejected", "payment_mismatch", ""): "no schema can add up",
    ("Schema-valid request rejected", "idempotency_conflict", ""): "another body under one key",
    ("Schema-valid request rejected", "invalid_request", "5 minutes in the future"): "no schema has a clock",
    (
        "Schema-valid request rejected",
        "invalid_request",
        "is not one of this list's tokens",
    ): "tokens are given",
    ("Schema-valid request rejected", "invalid_request", "not both"): "a header and a field of the body",
    ("Schema-valid request rejected", "invalid_request", "sent If-Match: 0."): "no tag: the pattern was not understood",
    ("Schema-violating request accepted", None, "in query - object with unexpected"): "others' parameters are ignored",
    (
        "Schema-violating request accepted",
        None,
        "- query: violates `additionalProperties`\n  - header: violates `required` (was x-api-key)",
    ): "the same, and each request here has the key",
    (
        "Wrong response to undeclared method",
        "route_not_found",
        "",
    ): "API Gateway does not distinguish an unknown method from an unknown path",
}


def is_expected(failure: Failure, case: schemathesis.Case, answer: dict) -> bool:
    error = answer.get("error", {})
    text = f"{failure.message} {error.get('details')} sent If-Match: {(case.headers or {}).get('If-Match')}."
    return any((failure.title, error.get("code")) == (title, code) and part in text for title, code, part in EXPECTED)


# Customers' routes do not exist in this deployment: tests/e2e/test_customers.py.
@schemathesis.openapi.from_dict(openapi.document()).exclude(path_regex="^/me/").parametrize()
@settings(max_examples=20, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_the_api_does_what_its_document_says(case, deployment):
    check(case, deployment)


def check(case: schemathesis.Case, deployment: Deployment) -> None:
    key = {"x-api-key": deployment.outputs["ApiKey"]}
    response = case.call(base_url=deployment.outputs["ApiUrl"], headers=key)
    try:
        case.validate_response(response, headers=key)
    except FailureGroup as found:
        body = json.loads(response.text) if response.text else {}
        surprises = [f"{each.title}: {each}" for each in found.exceptions if not is_expected(each, case, body)]
        sent = f"{case.method} {case.path} {case.query} {case.body!r:.2000}"
        assert not surprises, f"{surprises} {sent} -> {response.status_code} {response.text[:500]}"
