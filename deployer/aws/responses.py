"""Every client checks what it was answered: an AWS answer, or one exception of botocore's family.

botocore takes an answer for AWS's whoever gave it. A proxy's HTML page, JSON cut in half or an empty body becomes,
depending on the service's protocol, a ResponseParserError, a KeyError, an answer without its members, or an error
whose message is the whole page. `watch` makes all of these an UnusableResponse, for all operations of all services.
"""

import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

T = TypeVar("T")

_HTML = (b"<!doctype html", b"<html")
_STUMBLES = (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError)
"""What reading a profile, running its credential_process or asking for an MFA code raises."""

_status: ContextVar[int] = ContextVar("status", default=0)
"""Of the answer to the call under way in this thread; 0 until there is one."""


class UnusableResponse(HTTPClientError):
    """Somebody answered who is not AWS, or the answer is damaged."""

    fmt = "{service} answered {said}"


class UnusableConfiguration(BotoCoreError):
    """The AWS configuration or the credentials cannot be used; `__cause__` is what botocore stumbled over."""

    fmt = "{reason}"


class UnknownOperation(BotoCoreError, AttributeError):
    """The installed botocore is older than the operation."""

    fmt = "the installed botocore does not know {service}:{operation}"


class Response(dict):
    """An operation's answer, and each structure in it. `answer[name]` raises UnusableResponse if `name` is missing:
    most models call no member required, so botocore does not miss any."""

    def __init__(self, members: Mapping, service: str, operation: str):
        super().__init__((name, _response(value, service, operation)) for name, value in members.items())
        self._asked = service, operation

    def __missing__(self, name):
        service, operation = self._asked
        raise UnusableResponse(service=service, said=f"{operation} without {name!r}")


def _response(value, service: str, operation: str):
    if type(value) is dict:
        return Response(value, service, operation)
    if isinstance(value, list):
        return [_response(each, service, operation) for each in value]
    return value


class Watched:
    """Mixed into the clients of a watched session. A ClientError gets `service`, the client's, as an attribute."""

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            raise self._unknown(name) from None

    def get_paginator(self, operation_name):
        if operation_name not in self.meta.method_to_api_mapping:
            raise self._unknown(operation_name)
        return super().get_paginator(operation_name)

    def _unknown(self, name: str) -> UnknownOperation:
        return UnknownOperation(service=self.meta.service_model.service_name, operation=name)

    def _make_api_call(self, operation_name, api_params):
        service = self.meta.service_model.service_name
        before = _status.set(0)  # one call may make another: AssumeRole
        try:
            return Response(super()._make_api_call(operation_name, api_params), service, operation_name)
        except ClientError as error:
            error.service = getattr(error, "service", service)
            if not error.response.get("Error", {}).get("Code") or _status.get() < 0:
                raise _unusable(service, abs(_status.get())) from None
            raise
        except BotoCoreError:
            raise
        except Exception as error:
            if status := abs(_status.get()):
                raise _unusable(service, status) from error
            if isinstance(error, _STUMBLES):
                raise _unusable_configuration(error) from error
            raise
        finally:
            _status.reset(before)


def _unusable(service: str, status: int) -> UnusableResponse:
    return UnusableResponse(service=service, said=f"{status} with text that is no AWS response")


def configured(create: Callable[[], T]) -> T:
    """What `create` makes of the AWS configuration: a session or a client. Raises UnusableConfiguration."""
    try:
        return create()
    except BotoCoreError:
        raise
    except _STUMBLES as error:
        raise _unusable_configuration(error) from error


def _unusable_configuration(error: Exception) -> UnusableConfiguration:
    return UnusableConfiguration(reason=" ".join(str(error).split()) or type(error).__name__)


def watch(session) -> None:
    """Make every client that the boto3 `session` creates from now on check its answers."""
    session.events.register("creating-client-class", _mix_in)
    session.events.register("before-parse", _check)


def _mix_in(base_classes: list, **_) -> None:
    base_classes.insert(0, Watched)


def _check(operation_model, response_dict: dict, **_) -> None:
    """Refuse text that the service's protocol does not speak. A server's failure is left to botocore's retries,
    which know it by its status, and is refused after the last."""
    status = response_dict["status_code"]
    _status.set(status)
    if _speaks(operation_model, status, response_dict["body"], response_dict["headers"]):
        return
    if status < 500:
        raise _unusable(operation_model.service_model.service_name, status)
    response_dict["body"] = b""
    _status.set(-status)


def _speaks(operation_model, status: int, body, headers: Mapping) -> bool:
    if not isinstance(body, bytes):  # a stream, read later: S3's and Lambda's own have a request id
        return "html" not in headers.get("content-type", "") or any("-request" in name.lower() for name in headers)
    if operation_model.http.get("method") == "HEAD":
        return True
    start, output = body[:1024].lstrip().lower(), operation_model.output_shape
    if any(word in start for word in _HTML):
        return False
    if status < 300 and (output is None or "payload" in output.serialization):
        return True  # nobody reads it, or it may be anything: GetBucketPolicy's JSON
    if "json" not in operation_model.service_model.resolved_protocol:
        return not start or start.startswith(b"<")  # the parser sees to the rest
    return _is_json(body, _members(output) if status < 300 else set())


def _members(output) -> set[str]:
    """The names, in the body, of what an operation answers."""
    members = output.members.items()
    return {each.serialization.get("name", name) for name, each in members if "location" not in each.serialization}


def _is_json(body: bytes, members: set[str]) -> bool:
    """A JSON object; one that says something has some of the `members`. Empty lists may be left out of it."""
    if not body.strip():
        return not members
    try:
        found = json.loads(body)
    except ValueError:
        return False
    return isinstance(found, dict) and (not found or not members or bool(found.keys() & members))
