"""The AWS calls of functions: their services and operations, as botocore's models name them."""

import re
from collections.abc import Mapping
from functools import cache
from urllib.parse import parse_qs

import botocore.session
from botocore.model import OperationModel, ServiceModel

SERVICES = ("dynamodb", "lambda", "s3", "sns", "sqs", "ssm")
"""The services that functions call."""

_SIGNED = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")


@cache
def operations(service: str) -> tuple[str, ...]:
    return tuple(_model(service).operation_names)


def signature(headers: Mapping[str, str]) -> tuple[str, str, str]:
    """Return access key, region and service of a signed request, empty texts of any other."""
    found = _SIGNED.search(headers.get("authorization", ""))
    return (found[1], found[2], found[3]) if found else ("", "", "")


def operation(service: str, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return the operation of a request; "" if it is none of the service's."""
    if target := headers.get("x-amz-target"):
        return target.rpartition(".")[2]
    if _model(service).protocol == "query":
        return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    return _rest_operation(service, method, path, parse_qs(query, keep_blank_values=True), headers)


def _rest_operation(service: str, method: str, path: str, query: Mapping, headers: Mapping[str, str]) -> str:
    """Of several operations with this method and path, the one that needs the most of the query and headers."""
    found = [
        (len(needed), name)
        for name, expected, pattern, needed in _routes(service)
        if expected == method and pattern.fullmatch(path) and needed <= {*query, *headers}
    ]
    return max(found, default=(0, ""), key=lambda each: each[0])[1]


@cache
def _routes(service: str) -> list[tuple[str, str, re.Pattern, frozenset[str]]]:
    """Name, method, path, and required query parameters and headers of each operation."""
    model = _model(service)
    return [_route(model.operation_model(name)) for name in model.operation_names]


def _route(operation: OperationModel) -> tuple[str, str, re.Pattern, frozenset[str]]:
    path, _, fixed = operation.http["requestUri"].partition("?")
    needed = set(parse_qs(fixed, keep_blank_values=True))
    if shape := operation.input_shape:
        places = [shape.members[name].serialization for name in shape.required_members]
        needed |= {place["name"] for place in places if place.get("location") == "querystring"}
        needed |= {place["name"].lower() for place in places if place.get("location") == "header"}
    pattern = re.sub(r"\\{(\w+)(\\\+)?\\}", lambda part: ".+" if part[2] else "[^/]+", re.escape(path.rstrip("/")))
    return operation.name, operation.http["method"], re.compile(pattern + "/?"), frozenset(needed)


@cache
def _model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)
