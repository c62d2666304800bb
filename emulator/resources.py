"""Patches of MiniStack's CloudFormation that concern one type of resource."""

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from ministack.services.cloudformation import provisioners

from emulator import registry

Complete = Callable[[str, dict, dict], None]
Validate = Callable[[dict], None]


def completes(resource_type: str, *, upstream: str) -> Callable[[Complete], Complete]:
    """Register a patch that completes each resource of a type after MiniStack has created or updated it.

    The function gets the physical id, the new properties and the old ones ({} at creation).
    """

    def register(function: Complete) -> Complete:
        registry.add(function, upstream, lambda: complete(resource_type, function))
        return function

    return register


def validates(resource_type: str, *, upstream: str) -> Callable[[Validate], Validate]:
    """Register a patch that refuses properties of a type, by raising, before MiniStack acts on them."""

    def register(function: Validate) -> Validate:
        registry.add(function, upstream, lambda: _validate(resource_type, function))
        return function

    return register


def handler_of(resource_type: str) -> dict[str, Any]:
    """Return MiniStack's handler of a type: ``create``, ``update``, ``delete`` and flags."""
    return provisioners._RESOURCE_HANDLERS.setdefault(resource_type, {})


def complete(resource_type: str, apply: Complete) -> None:
    """Have ``apply`` complete each resource of a type, as ``completes`` does."""
    handler = handler_of(resource_type)
    create, update, delete = handler["create"], handler.get("update"), handler["delete"]

    def create_completed(logical_id, props, stack_name):
        physical_id, attributes = create(logical_id, props, stack_name)
        try:
            apply(physical_id, props, {})
        except Exception:
            delete(physical_id, props)
            raise
        return physical_id, attributes

    def update_completed(physical_id, old_props, new_props, stack_name, *more):
        new_id, attributes = update(physical_id, old_props, new_props, stack_name, *more)
        apply(new_id, new_props, old_props if new_id == physical_id else {})
        return new_id, attributes

    handler["create"] = create_completed
    if update:
        handler["update"] = update_completed


def _validate(resource_type: str, validate: Validate) -> None:
    handler = handler_of(resource_type)
    create, update = handler["create"], handler.get("update")

    def create_validated(logical_id, props, stack_name):
        validate(props)
        return create(logical_id, props, stack_name)

    def update_validated(physical_id, old_props, new_props, stack_name, *more):
        validate(new_props)
        return update(physical_id, old_props, new_props, stack_name, *more)

    handler["create"] = create_validated
    if update:
        handler["update"] = update_validated


def insist(answer: tuple, resource_type: str) -> Any:
    """Return the JSON of a service's answer. Raise CloudFormation's error if the service refused."""
    status, _, body = answer
    text = body.decode() if isinstance(body, bytes) else str(body or "")
    if status >= 400:
        raise invalid_request(_message(text), resource_type.split("::")[1], status)
    return json.loads(text) if text.startswith(("{", "[")) else None


def invalid_request(message: str, service: str, status: int = 400) -> ValueError:
    """Return the error of a resource that its service refused, in CloudFormation's words."""
    return ValueError(
        f'Resource handler returned message: "{message} (Service: {service}, Status Code: {status})" '
        "(HandlerErrorCode: InvalidRequest)"
    )


def _message(text: str) -> str:
    try:
        document = json.loads(text)
        return document.get("message") or document.get("Message") or text
    except (ValueError, AttributeError):
        pass
    try:
        found = ElementTree.fromstring(text)  # noqa: S314 - the emulator's own answer
        return found.findtext(".//{*}Message") or text
    except ElementTree.ParseError:
        return text


def truth(value: object) -> bool:
    """Return a template's boolean, which may come as text."""
    return str(value).lower() == "true"
