"""Check what AWS's clients receive: a valid response, or one exception of botocore's family.

botocore takes any response for AWS's. A proxy's HTML page, truncated JSON or an empty body becomes, depending on the
service's protocol, a ResponseParserError, a KeyError, a response without its members, or an error whose message is
the whole page. `watch` turns all of these into UnusableResponse, for all operations of all services.
"""

import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from http.client import NOT_IMPLEMENTED
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

if TYPE_CHECKING:
    from botocore.client import BaseClient
else:
    BaseClient = object  # mixed into client classes, which have BaseClient as a base already

T = TypeVar("T")

_HTML = (b"<!doctype html", b"<html")
_CONFIGURATION_ERRORS = (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError)
"""What reading a profile, running its credential_process or asking for an MFA code raises."""

_status: ContextVar[int] = ContextVar("status", default=0)
"""HTTP status of the call under way in this thread; 0 before the response, negative for an unusable one."""


class UnusableResponse(HTTPClientError):
    """The response is not AWS's, or it is damaged."""

    fmt = "{service}:{operation} answered {said}"


class UnusableConfiguration(BotoCoreError):
    """The AWS configuration or the credentials cannot be used; `__cause__` is the original exception."""

    fmt = "{reason}"


class UnknownOperation(BotoCoreError, AttributeError):
    """The installed botocore is older than the operation."""

    fmt = "the installed botocore does not know {service}:{operation}"


class Response(dict):
    """An operation's response, and each structure in it. `response[name]` raises UnusableResponse if `name` is
    missing: most service models declare no output member required, so botocore does not check."""

    def __init__(self, members: Mapping[str, Any], service: str, operation: str):
        super().__init__((name, _response(value, service, operation)) for name, value in members.items())
        self._call = service, operation

    def __missing__(self, name):
        service, operation = self._call
        raise UnusableResponse(service=service, operation=operation, said=f"without {name!r}")


def _response(value: Any, service: str, operation: str) -> Any:
    if type(value) is dict:
        return Response(value, service, operation)
    if isinstance(value, list):
        return [_response(each, service, operation) for each in value]
    return value


class Watched(BaseClient):
    """Mixin for the clients of a watched session. Sets the attribute `service` of each ClientError."""

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)  # type: ignore[misc]  # of BaseClient, which the stubs do not declare
        except AttributeError:
            raise self._unknown(name) from None

    def get_paginator(self, operation_name: str) -> Any:
        if operation_name not in self.meta.method_to_api_mapping:
            raise self._unknown(operation_name)
        return super().get_paginator(operation_name)

    def _unknown(self, name: str) -> UnknownOperation:
        return UnknownOperation(service=self.meta.service_model.service_name, operation=name)

    def _make_api_call(self, operation_name: str, api_params: Any) -> Any:
        service = self.meta.service_model.service_name
        before = _status.set(0)  # one call may make another: AssumeRole
        try:
            members = super()._make_api_call(operation_name, api_params)  # type: ignore[misc]  # not in the stubs either
            return Response(members, service, operation_name)
        except ClientError as error:
            vars(error).setdefault("service", service)
            if not error.response.get("Error", {}).get("Code") or _status.get() < 0:
                raise _unusable(service, operation_name, abs(_status.get())) from None
            raise
        except BotoCoreError:
            raise
        except Exception as error:
            if status := abs(_status.get()):
                raise _unusable(service, operation_name, status) from error
            if isinstance(error, _CONFIGURATION_ERRORS):
                raise _unusable_configuration(error) from error
            raise
        finally:
            _status.reset(before)


def _unusable(service: str, operation: str, status: int) -> UnusableResponse:
    said = f"{status} with text that is no AWS response"
    return UnusableResponse(service=service, operation=operation, said=said)


def configured(create: Callable[[], T]) -> T:
    """Return what `create` makes from the AWS configuration, a session or a client. Raises UnusableConfiguration."""
    try:
        return create()
    except BotoCoreError:
        raise
    except _CONFIGURATION_ERRORS as error:
        raise _unusable_configuration(error) from error


def _unusable_configuration(error: Exception) -> UnusableConfiguration:
    return UnusableConfiguration(reason=" ".join(str(error).split()) or type(error).__name__)


def watch(session: Any) -> None:
    """Make every client that the boto3 `session` creates from now on check its responses."""
    session.events.register("creating-client-class", _mix_in)
    session.events.register("before-parse", _check)


def _mix_in(base_classes: list, **_) -> None:
    base_classes.insert(0, Watched)


def _check(operation_model, response_dict: dict, **_) -> None:
    """Raise UnusableResponse for text that is not in the service's protocol.

    A 5xx is left to botocore's retries, which know it by its status; after the last one the call raises.
    """
    status = response_dict["status_code"]
    _status.set(status)
    if _is_of_protocol(operation_model, status, response_dict["body"], response_dict["headers"]):
        return
    if status < 500:
        raise _unusable(operation_model.service_model.service_name, operation_model.name, status)
    response_dict["body"] = b""
    if status != NOT_IMPLEMENTED:  # an emulator's, which need not know the service's protocol
        _status.set(-status)


def _is_of_protocol(operation_model, status: int, body: Any, headers: Mapping[str, str]) -> bool:
    if not isinstance(body, bytes):  # a stream, read later: S3's and Lambda's own have a request id
        return "html" not in headers.get("content-type", "") or any("-request" in name.lower() for name in headers)
    if operation_model.http.get("method") == "HEAD":
        return True
    start, output = body[:1024].lstrip().lower(), operation_model.output_shape
    if any(word in start for word in _HTML):
        return False
    if status < 300 and (output is None or "payload" in output.serialization):
        return True  # not parsed, or of any format: GetBucketPolicy's JSON
    if "json" not in operation_model.service_model.resolved_protocol:
        return not start or start.startswith(b"<")  # the parser checks the rest
    return _is_json(body, _members(output) if status < 300 else set())


def _members(output) -> set[str]:
    """Return the names of the output's members that are in the body."""
    members = output.members.items()
    return {each.serialization.get("name", name) for name, each in members if "location" not in each.serialization}


def _is_json(body: bytes, members: set[str]) -> bool:
    """Return True for a JSON object that is empty or has one of the `members`: services omit empty lists."""
    if not body.strip():
        return not members
    try:
        found = json.loads(body)
    except ValueError:
        return False
    return isinstance(found, dict) and (not found or not members or bool(found.keys() & members))
