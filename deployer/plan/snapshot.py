"""A tree of stacks as a value, deployed or desired, and the resources in it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployer.plan.changes import Unknown
from deployer.plan.resolve import Scope, has_unknown
from deployer.plan.templates import Bundle

STACK = "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class Snapshot:
    """One stack: template, parameter values (str, or Unknown), nested stacks by logical id.

    An empty template is a stack that does not exist.
    """

    template: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, object] = field(default_factory=dict)
    children: Mapping[str, "Snapshot"] = field(default_factory=dict)


@dataclass(frozen=True)
class Resource:
    """A resource with resolved `properties`: strings where a value is known, else expressions and Unknowns."""

    stack: tuple[str, ...]
    logical_id: str
    type: str
    properties: Mapping[str, Any]

    @property
    def path(self) -> str:
        return "/".join((*self.stack, self.logical_id))


def resources_of(tree: Snapshot, stack: tuple[str, ...] = ()) -> dict[str, Resource]:
    """Return path -> resource, nested stacks and their contents included, without those whose condition is false."""
    scope = Scope(tree.template, tree.parameters)
    found: dict[str, Resource] = {}
    for logical_id, definition in scope.resources().items():
        properties = scope.resolve(definition.get("Properties", {}))
        resource = Resource(stack, logical_id, definition.get("Type", ""), properties)
        found[resource.path] = resource
        if resource.type == STACK and logical_id in tree.children:
            found |= resources_of(tree.children[logical_id], (*stack, logical_id))
    return found


def added(now: Mapping[str, Resource], then: Mapping[str, Resource]) -> list[Resource]:
    """Return the resources of `then` at whose path `now` has none of the same type."""
    return [each for path, each in then.items() if path not in now or now[path].type != each.type]


def desired(bundle: Bundle, parameters: Mapping[str, str], now: Snapshot) -> Snapshot:
    """Return the tree that deploying the bundle over `now` would give.

    A nested stack's parameter that takes a sibling's output by the same expression as before keeps its deployed
    value: a change of the sibling is planned as the sibling's own.
    """
    scope = Scope(bundle.root, parameters)
    children = {}
    wanted = scope.resources()
    for logical_id, template in bundle.children.items():
        if logical_id not in wanted:
            continue
        before = now.children.get(logical_id, Snapshot())
        old_expressions = passed(now.template, logical_id)
        values: dict[str, object] = {
            name: str(spec["Default"]) for name, spec in template.get("Parameters", {}).items() if "Default" in spec
        }
        for name, expression in passed(bundle.root, logical_id).items():
            value = scope.resolve(expression)
            if isinstance(value, (dict, Unknown)) or has_unknown(value):
                same = name in before.parameters and old_expressions.get(name) == expression
                value = before.parameters[name] if same else Unknown(f"{logical_id}.{name}")
            values[name] = value if isinstance(value, Unknown) else _text(value)
        children[logical_id] = Snapshot(template, values)
    return Snapshot(bundle.root, dict(parameters), children)


def passed(template: Mapping[str, Any], logical_id: str) -> Mapping[str, Any]:
    """Return the expressions that a template passes to a nested stack as parameters."""
    return template.get("Resources", {}).get(logical_id, {}).get("Properties", {}).get("Parameters", {})


def _text(value: object) -> str:
    """Convert a parameter's value to a string as CloudFormation does."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
