"""Ways to change how MiniStack's CloudFormation makes one type of resource."""

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

Apply = Callable[[str, dict, dict], None]
"""Called with the physical id, the new properties and the old ones ({} at creation)."""


def handler_of(resource_type: str) -> dict[str, Any]:
    """MiniStack's handler of a type: ``create``, ``update``, ``delete`` and flags."""
    from ministack.services.cloudformation import provisioners

    return provisioners._RESOURCE_HANDLERS.setdefault(resource_type, {})


def after(resource_type: str, apply: Apply) -> None:
    """Have ``apply`` complete each resource of a type once MiniStack created or updated it."""
    handler = handler_of(resource_type)
    create, update, delete = handler["create"], handler.get("update"), handler["delete"]

    def create_then_apply(logical_id, props, stack_name):
        physical_id, attributes = create(logical_id, props, stack_name)
        try:
            apply(physical_id, props, {})
        except Exception:
            delete(physical_id, props)
            raise
        return physical_id, attributes

    def update_then_apply(physical_id, old_props, new_props, stack_name, *more):
        new_id, attributes = update(physical_id, old_props, new_props, stack_name, *more)
        apply(new_id, new_props, old_props if new_id == physical_id else {})
        return new_id, attributes

    handler["create"] = create_then_apply
    if update:
        handler["update"] = update_then_apply


def before(resource_type: str, check: Callable[[dict], None]) -> None:
    """Have ``check`` refuse properties of a type (by raising) before MiniStack acts on them."""
    handler = handler_of(resource_type)
    create, update = handler["create"], handler.get("update")

    def create_checked(logical_id, props, stack_name):
        check(props)
        return create(logical_id, props, stack_name)

    def update_checked(physical_id, old_props, new_props, stack_name, *more):
        check(new_props)
        return update(physical_id, old_props, new_props, stack_name, *more)

    handler["create"] = create_checked
    if update:
        handler["update"] = update_checked


def insist(answer: tuple, resource_type: str) -> Any:
    """The JSON of a service's answer; a refusal fails the resource with AWS's kind of reason."""
    status, _, body = answer
    text = body.decode() if isinstance(body, bytes) else str(body or "")
    if status >= 400:
        raise ValueError(
            f'Resource handler returned message: "{_message(text)} '
            f'(Service: {resource_type.split("::")[1]}, Status Code: {status})" (HandlerErrorCode: InvalidRequest)'
        )
    return json.loads(text) if text.startswith(("{", "[")) else None


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
    """A template's boolean, which may come as text."""
    return str(value).lower() == "true"
