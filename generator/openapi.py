"""The contract as an OpenAPI 3.0.3 document, from the same tables as everything else.

3.0 because its schemas are an extension of draft-04's wording; 3.1 has moved on to 2020-12.
"""

from http import HTTPStatus
from typing import Any

from contract import VERSION
from contract.dialects import validated
from contract.errors import ERRORS
from contract.models import MODELS
from contract.routes import COMMON_ERRORS, ROUTES, Route
from contract.schemas import IDENTIFIER
from generator import examples
from generator.examples import Exchange

_SECURITY_SCHEMES = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    # Not oauth2, whose URLs are those of the owner of the user pool.
    "accessToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "an access token of the customers' Cognito user pool, no ID token",
    },
}

_DESCRIPTION = f"""\
Place orders, follow them, and list a customer's. Every request carries an API key, except those of customers
under `/me`, which carry an access token; those routes exist only where customers have a user pool. Every error, whoever
answers it, has the one shape of the schema Error; programs decide by its `code`.

A path or a method that is not listed here is answered {ERRORS["route_not_found"].status} `route_not_found`, with or
without a key. OPTIONS is answered 204 on every path, without a key or a token: the preflight request of browsers.

Amounts have at most two decimals. A validator that computes `multipleOf` in binary fractions refuses some of them,
such as 29.99: it needs a tolerance.
"""

_TAG = {"name": "orders", "description": "Orders of food, from placing to delivery"}

_HEADERS: dict[str, tuple[str, dict]] = {
    "ETag": ("the order's version, for If-Match", {"type": "string", "pattern": '^"[1-9][0-9]*"$'}),
    "Location": (
        "the order: an absolute path, stage or base path included, on the host of this request",
        {"type": "string", "format": "uri-reference"},
    ),
    "Idempotency-Replayed": (
        "present when this is the answer to an earlier request with the same key",
        {"type": "string", "enum": ["true"]},
    ),
    "Retry-After": (
        "seconds to wait before trying, or polling, again",
        {"type": "integer", "format": "int32", "minimum": 1},
    ),
    "X-Request-Id": (
        "the requestId of errors and logs; absent where API Gateway answers, which sends x-amzn-RequestId",
        {"type": "string"},
    ),
}
# Headers of a success that some of its responses lack.
_SOMETIMES = ("Idempotency-Replayed",)

CODES = "x-error-codes"
"""Of a response: the codes of `contract.errors` that it may have."""
SCOPES = "x-scopes"
"""Of an operation: the scopes that its token needs. OpenAPI 3.0 has a place for those of oauth2 and openIdConnect only."""


def document() -> dict:
    """The whole document, ready to be written as JSON or YAML."""
    paths: dict[str, dict] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Food-delivery orders",
            "version": VERSION,
            "description": _DESCRIPTION,
            "contact": {"name": "Platform engineering"},
            "license": {"name": "MIT", "url": "https://spdx.org/licenses/MIT.html"},
        },
        "servers": [_server()],
        "security": [{"apiKey": []}],
        "tags": [_TAG],
        "paths": paths,
        "components": {
            "securitySchemes": _SECURITY_SCHEMES,
            "schemas": {name: _model(name) for name in MODELS},
        },
    }


def _server() -> dict:
    return {
        "url": "https://{apiId}.execute-api.{region}.{suffix}/{stage}",
        "description": "the stack's output ApiUrl",
        "variables": {
            "apiId": {"default": "api-id"},
            "region": {"default": "us-east-1"},
            "suffix": {
                "default": "amazonaws.com",
                "description": "amazonaws.com.cn in China, amazonaws.eu in eusc-de-east-1",
            },
            "stage": {"default": "dev"},
        },
    }


def _operation(route: Route) -> dict:
    shown = examples.exchanges(route.operation)
    return {
        "operationId": route.operation,
        "tags": [_TAG["name"]],
        "summary": route.summary,
        "description": route.description + (f" The token needs the scope `{route.scope}`." if route.scope else ""),
        "parameters": [
            *(_parameter("path", name, IDENTIFIER, shown, required=True) for name in route.path_parameters),
            *(_parameter("query", name, schema, shown) for name, schema in route.query.items()),
            *(_parameter("header", name, schema, shown) for name, schema in route.headers.items()),
        ],
        **({"security": [{"accessToken": []}], SCOPES: [route.scope]} if route.scope else {}),
        **_body(route, shown),
        "responses": {str(route.success): _success(route, shown), **_failures(route, shown)},
    }


def _body(route: Route, shown: list[Exchange]) -> dict:
    if not route.request_model:
        return {}
    samples = {each.name: _example(each, each.request["body"]) for each in shown if each.is_valid}
    return {"requestBody": {"required": True, "content": _content(route.request_model, samples)}}


def _example(exchange: Exchange, value: Any) -> dict:
    return {"summary": exchange.summary, "value": value}


def _parameter(place: str, name: str, schema: dict, shown: list[Exchange], required: bool = False) -> dict:
    described = {"description": schema["description"]} if "description" in schema else {}
    plain = {key: value for key, value in _schema(schema).items() if key != "description"}
    # None for what may be left out: a page that tries requests sends the example, and a used Idempotency-Key is refused
    # with another body.
    values = [each.request["path"][name] for each in shown] if place == "path" else []
    sample = {"example": values[0]} if values else {}
    return {"name": name, "in": place, "required": required, **described, "schema": plain, **sample}


def _success(route: Route, shown: list[Exchange]) -> dict:
    names = (*route.response_headers, "X-Request-Id")
    answers = [each for each in shown if each.response["status"] == route.success]
    headers = {name: value for each in reversed(answers) for name, value in each.response["headers"].items()}
    return {
        "description": HTTPStatus(route.success).phrase,
        "headers": {name: _header(name, headers.get(name), required=name not in _SOMETIMES) for name in names},
        "content": _content(route.response_model, _answers(answers)),
    }


def _answers(exchanges: list[Exchange]) -> dict[str, dict]:
    return {each.name: _example(each, each.response["body"]) for each in exchanges}


def _failures(route: Route, shown: list[Exchange]) -> dict[str, dict]:
    """Status -> response; the codes that share a status share its description."""
    kinds = sorted(
        (ERRORS[code] for code in {*COMMON_ERRORS, *route.errors}), key=lambda kind: (kind.status, kind.code)
    )
    responses: dict[str, dict] = {}
    for kind in kinds:
        meaning = f"`{kind.code}`: {kind.message}"
        samples = _answers([each for each in shown if each.response["status"] == kind.status])
        first = {
            "description": "",
            "headers": {"X-Request-Id": _header("X-Request-Id")},
            "content": _content("Error", samples),
            CODES: [],
        }
        response = responses.setdefault(str(kind.status), first)
        response["description"] = f"{response['description']}\n{meaning}".strip()
        response[CODES].append(kind.code)
        if kind.retry_after:
            response["headers"]["Retry-After"] = _header("Retry-After")
    return responses


def _header(name: str, sample: str | None = None, required: bool = False) -> dict:
    description, schema = _HEADERS[name]
    shown = {"example": int(sample) if schema["type"] == "integer" else sample} if sample else {}
    return {"description": description, "required": required, "schema": schema, **shown}


def _content(model: str, samples: dict[str, dict]) -> dict:
    return {"application/json": {"schema": _reference(model), **({"examples": samples} if samples else {})}}


def _reference(model: str) -> dict:
    return {"$ref": f"#/components/schemas/{model}"}


def _model(name: str) -> dict:
    """A model's schema. The rules that the code checks are those of requests."""
    is_request = name in {route.request_model for route in ROUTES}
    return _schema(MODELS[name] if is_request else validated(MODELS[name]))


def _schema(schema: dict) -> dict:
    """Without `$schema`, which OpenAPI 3.0 does not know, with models inside it by reference, and integers by size."""
    result = {key: _inner(value) for key, value in schema.items() if key != "$schema"}
    if result.get("type") == "integer":
        result["format"] = "int32" if result.get("maximum", _INT32 + 1) <= _INT32 else "int64"
    return result


_INT32 = 2**31 - 1


def _inner(value):
    if isinstance(value, dict):
        title = value.get("title")
        return _reference(title) if isinstance(title, str) and title in MODELS else _schema(value)
    return value
