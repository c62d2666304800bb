"""Consequences of a replacement: references to the new resource's name and ARN have new values. Pure."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from deployer.plan.changes import Unknown
from deployer.plan.resolve import PLACEHOLDER, Scope, has_unknown
from deployer.plan.snapshot import Snapshot, passed

ResourceId = tuple[tuple[str, ...], str]
"""The nested stacks that lead to a resource, and its logical id."""


def renewed(node: Any, names: Collection[str]) -> Any:
    """Return a resolved definition with Unknown for references to these resources or nested stacks' outputs."""
    if not names:
        return node
    if isinstance(node, list):
        return [renewed(item, names) for item in node]
    if not isinstance(node, dict):
        return node
    referred = [name for name in _referred(node) if name in names or name.partition(".")[0] in names]
    if referred:
        return Unknown(", ".join(referred))
    inner = {key: renewed(value, names) for key, value in node.items()}
    is_function = len(inner) == 1 and str(next(iter(inner))).startswith("Fn::")
    return Unknown(next(iter(inner))) if is_function and has_unknown(inner) and not has_unknown(node) else inner


def with_renewed_parameters(tree: Snapshot, replaced: Collection[ResourceId], stack: tuple[str, ...] = ()) -> Snapshot:
    """Return the tree with Unknown for every nested stack's parameter that depends on a replaced resource."""
    if not replaced:
        return tree
    children = {name: with_renewed_parameters(child, replaced, (*stack, name)) for name, child in tree.children.items()}
    names = {logical_id for path, logical_id in replaced if path == stack}
    names |= {
        f"{name}.Outputs.{output}"
        for name, child in children.items()
        for output in _outputs(child, replaced, (*stack, name))
    }
    scope = Scope(tree.template, tree.parameters)
    for name, child in children.items():
        new = {
            parameter: Unknown(f"{name}.{parameter}")
            for parameter, expression in passed(tree.template, name).items()
            if has_unknown(renewed(resolved := scope.resolve(expression), names)) and not has_unknown(resolved)
        }
        children[name] = replace(child, parameters={**child.parameters, **new})
    return replace(tree, children=children)


def _outputs(tree: Snapshot, replaced: Collection[ResourceId], stack: tuple[str, ...]) -> list[str]:
    """Return the names of the outputs that depend on a replaced resource."""
    names = {logical_id for path, logical_id in replaced if path == stack}
    scope = Scope(tree.template, tree.parameters)
    return [
        name
        for name, output in tree.template.get("Outputs", {}).items()
        if isinstance(output, dict) and has_unknown(renewed(scope.resolve(output.get("Value")), names))
    ]


def _referred(node: dict) -> list[str]:
    """Return the names in a Ref, Fn::GetAtt (as `Name.Attribute`) or Fn::Sub; [] for any other node."""
    if node.keys() == {"Ref"}:
        return [str(node["Ref"])]
    if node.keys() == {"Fn::GetAtt"}:
        path = node["Fn::GetAtt"]
        return [path if isinstance(path, str) else ".".join(map(str, path))]
    if node.keys() == {"Fn::Sub"}:
        text = node["Fn::Sub"]
        return sorted(set(PLACEHOLDER.findall(text if isinstance(text, str) else str(text[0]))))
    return []
