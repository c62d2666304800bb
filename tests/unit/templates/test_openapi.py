"""docs/openapi.yaml: valid, and as complete as the tables it comes from."""

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from contract.errors import ERRORS
from contract.routes import COMMON_ERRORS, ROUTES
from generator import openapi


@pytest.fixture(scope="module")
def document() -> dict:
    return openapi.document()


def test_the_document_is_valid_openapi_3_0(document):
    assert list(OpenAPIV30SpecValidator(document).iter_errors()) == []


def test_the_validator_would_notice(document):
    broken = {**document, "paths": {"/orders": {"post": {"operationId": "x"}}}}
    assert list(OpenAPIV30SpecValidator(broken).iter_errors())


def test_every_route_is_an_operation_and_no_other(document):
    operations = {
        (method.upper(), path): each for path, item in document["paths"].items() for method, each in item.items()
    }
    assert {key: each["operationId"] for key, each in operations.items()} == {
        (route.method, route.path): route.operation for route in ROUTES
    }


def test_every_error_that_a_route_can_answer_is_documented(document):
    for route in ROUTES:
        responses = document["paths"][route.path][route.method.lower()]["responses"]
        for code in (*COMMON_ERRORS, *route.errors):
            response = responses[str(ERRORS[code].status)]
            assert f"`{code}`" in response["description"], (route.operation, code)
            assert code in response[openapi.CODES]
        listed = [code for response in responses.values() for code in response.get(openapi.CODES, ())]
        assert sorted(listed) == sorted({*COMMON_ERRORS, *route.errors})


def test_every_operation_wants_the_api_key(document):
    assert document["security"] == [{"apiKey": []}]
    assert document["components"]["securitySchemes"]["apiKey"] == {
        "type": "apiKey",
        "in": "header",
        "name": "x-api-key",
    }


def test_no_schema_keeps_what_openapi_3_0_does_not_know(document):
    assert "$schema" not in str(document["components"]["schemas"])


def test_an_order_is_described_once(document):
    page = document["components"]["schemas"]["OrderPage"]
    assert page["properties"]["orders"]["items"] == {"$ref": "#/components/schemas/Order"}


def test_a_page_that_tries_requests_sends_no_idempotency_key_of_an_example():
    parameters = [
        each for path in openapi.document()["paths"].values() for way in path.values() for each in way["parameters"]
    ]
    assert {each["name"] for each in parameters if "example" in each} == {"orderId", "customerId"}
