"""A tree of stacks as a value: as deployed now, and as it would be. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.plan.changes import Unknown
from deployer.plan.resolve import Scope, has_unknown
from deployer.plan.templates import Bundle

STACK = "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class Snapshot:
    """One stack: template, parameter values (str, or Unknown), nested stacks by logical id.

    An empty template is a stack that does not exist.
    """

    template: Mapping = field(default_factory=dict)
    parameters: Mapping[str, object] = field(default_factory=dict)
    children: Mapping[str, "Snapshot"] = field(default_factory=dict)


def desired(bundle: Bundle, parameters: Mapping[str, str], now: Snapshot) -> Snapshot:
    """The tree that the bundle would make of `now`. Pure.

    A child's parameter that is fed by a sibling's output keeps its deployed value when it is fed
    by the same expression as before: if that sibling itself changes, its own entry tells.
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
            values[name] = (
                ",".join(map(str, value))
                if isinstance(value, list)
                else value
                if isinstance(value, Unknown)
                else _text(value)
            )
        children[logical_id] = Snapshot(template, values)
    return Snapshot(bundle.root, dict(parameters), children)


def passed(template: Mapping, logical_id: str) -> dict:
    """The expressions that a template gives a nested stack as its parameters."""
    return template.get("Resources", {}).get(logical_id, {}).get("Properties", {}).get("Parameters", {})


def _text(value) -> str:
    """As CloudFormation turns a scalar into a parameter's string."""
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
