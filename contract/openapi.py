"""The contract as an OpenAPI 3.0.3 document, from the same tables as everything else.

3.0 because its schemas are an extension of draft-04's wording; 3.1 has moved on to 2020-12.
"""

from http import HTTPStatus

from contract.errors import ERRORS
from contract.routes import COMMON_ERRORS, ROUTES, Route
from contract.schemas import IDENTIFIER, MODELS

VERSION = "1.0.0"

_DESCRIPTION = """\
Place orders, follow them, and list a customer's. Every request carries an API key. Every error,
whoever answers it, has the one shape of the schema Error; programs decide by its `code`.
"""

_HEADERS = {
    "ETag": "the order's version, for If-Match",
    "Location": "the order: an absolute path, stage or base path included, on the host of this request",
    "Idempotency-Replayed": "true when this is the answer to an earlier request with the same key",
    "Retry-After": "seconds to wait before trying, or polling, again",
}


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
            "license": {"name": "MIT"},
        },
        "servers": [_server()],
        "security": [{"apiKey": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
            "schemas": {name: _schema(schema) for name, schema in MODELS.items()},
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
    body = {"requestBody": {"required": True, "content": _content(route.request_model)}} if route.request_model else {}
    return {
        "operationId": route.operation,
        "summary": route.summary,
        "parameters": [
            *(_parameter("path", name, IDENTIFIER, required=True) for name in route.path_parameters),
            *(_parameter("query", name, schema) for name, schema in route.query.items()),
            *(_parameter("header", name, schema) for name, schema in route.headers.items()),
        ],
        **body,
        "responses": {str(route.success): _success(route), **_failures(route)},
    }


def _parameter(place: str, name: str, schema: dict, required: bool = False) -> dict:
    described = {"description": schema["description"]} if "description" in schema else {}
    plain = {key: value for key, value in schema.items() if key != "description"}
    return {"name": name, "in": place, "required": required, **described, "schema": plain}


def _success(route: Route) -> dict:
    response = {"description": HTTPStatus(route.success).phrase, "content": _content(route.response_model)}
    if route.response_headers:
        response["headers"] = {name: _header(name) for name in route.response_headers}
    return response


def _failures(route: Route) -> dict[str, dict]:
    """Status -> response; the codes that share a status share its description."""
    kinds = sorted(
        (ERRORS[code] for code in {*COMMON_ERRORS, *route.errors}), key=lambda kind: (kind.status, kind.code)
    )
    responses: dict[str, dict] = {}
    for kind in kinds:
        meaning = f"`{kind.code}`: {kind.message}"
        response = responses.setdefault(str(kind.status), {"description": "", "content": _content("Error")})
        response["description"] = f"{response['description']}\n{meaning}".strip()
        if kind.retry_after:
            response["headers"] = {"Retry-After": _header("Retry-After")}
    return responses


def _header(name: str) -> dict:
    return {"description": _HEADERS[name], "schema": {"type": "string"}}


def _content(model: str) -> dict:
    return {"application/json": {"schema": _reference(model)}}


def _reference(model: str) -> dict:
    return {"$ref": f"#/components/schemas/{model}"}


def _schema(schema: dict) -> dict:
    """Without `$schema`, which OpenAPI 3.0 does not know, and with models inside it by reference."""
    return {key: _inner(value) for key, value in schema.items() if key != "$schema"}


def _inner(value):
    if isinstance(value, dict):
        title = value.get("title")
        return _reference(title) if isinstance(title, str) and title in MODELS else _schema(value)
    return value
