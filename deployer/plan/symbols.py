"""Resolve a template's expressions to text that can be compared between two snapshots. Pure.

The physical id of a resource is unknown before the deployment, so ARNs do not suit a comparison. Here a table's ARN is
`${/DataStack/OrdersTable.Arn}` in its own stack, in a sibling that receives it as a parameter, and on both sides of a
plan. A parameter is followed to the output that it comes from, so a change of the output is visible.
"""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from deployer.plan.resolve import Scope, Unknown
from deployer.plan.snapshot import Snapshot

_PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")  # with `${!Name}`, which _symbol turns into the text `${Name}`
_OF_A_STACK = ("AWS::StackName", "AWS::StackId")  # the pseudo parameters that differ between root and children


class Symbols(Scope):
    """A stack with symbols for values known only after the deployment. `path`: logical ids that lead to it."""

    def __init__(self, tree: Snapshot, path: tuple[str, ...] = (), given: dict[str, str] | None = None):
        super().__init__(tree.template, {name: _literal(value) for name, value in tree.parameters.items()})
        self.parameters = {**self.parameters, **(given or {})}
        self.tree, self.path = tree, path
        self._actual = Scope(tree.template, tree.parameters)
        self._children: dict[str, Symbols | None] = {}

    def condition(self, name: str) -> bool | None:
        """Evaluate a condition by the actual values: a symbol equals nothing."""
        return self._actual.condition(name)

    def resolve(self, node: Any) -> Any:
        """Resolve as Scope does, but keep both branches of an undecided condition."""
        if isinstance(node, dict) and node.keys() == {"Fn::If"} and self.condition(node["Fn::If"][0]) is None:
            name, then, otherwise = node["Fn::If"]
            return {f"if {name}": self.resolve(then), "else": self.resolve(otherwise)}
        return super().resolve(node)

    def resources_of(self, types: Collection[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield path, type and properties of the resources of these types, here and below, unless disabled."""
        for path, definition, scope in self._all():
            if definition.get("Type") in types:
                yield path, definition["Type"], scope.plain(scope.resolve(definition.get("Properties", {})))

    def paths(self) -> set[str]:
        """Return the paths of all resources, here and below."""
        return {path for path, _, _ in self._all()}

    def types(self) -> list[str]:
        """Return the types of all resources, here and below."""
        return [definition.get("Type", "") for _, definition, _ in self._all()]

    def _all(self) -> Iterator[tuple[str, dict, "Symbols"]]:
        for logical_id, definition in self._actual.resources().items():
            yield "/".join((*self.path, logical_id)), definition, self
            if child := self.child(logical_id):
                yield from child._all()

    def child(self, logical_id: str) -> "Symbols | None":
        """Return the nested stack; None if there is none, or while its own parameters are resolved."""
        if logical_id not in self._children and logical_id in self.tree.children:
            self._children[logical_id] = None  # ends a cycle
            definition = self.tree.template.get("Resources", {}).get(logical_id, {})
            passed = self.plain(self.resolve(definition.get("Properties", {}).get("Parameters", {})))
            given = {name: _joined(value) for name, value in passed.items()}
            self._children[logical_id] = Symbols(self.tree.children[logical_id], (*self.path, logical_id), given)
        return self._children.get(logical_id)

    def output(self, name: str) -> str:
        definition = self.tree.template.get("Outputs", {}).get(name)
        if not isinstance(definition, dict):
            return f"${{/{'/'.join(self.path)}.Outputs.{name}}}"
        return _joined(self.plain(self.resolve(definition.get("Value", ""))))

    def plain(self, node: Any) -> Any:
        """Convert a resolved node to strings, and lists and dicts of them, without intrinsic functions."""
        if isinstance(node, list):
            return [self.plain(item) for item in node]
        if not isinstance(node, dict):
            return _literal(node)
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Ref":
                return self._symbol(str(argument))
            if name == "Fn::GetAtt":
                return self._symbol(argument if isinstance(argument, str) else ".".join(map(str, argument)))
            if name == "Fn::Sub":
                return self._text(argument)
            if name == "Fn::Join":
                return argument[0].join(_joined(part) for part in self.plain(argument[1]))
            if name.startswith("Fn::"):
                return _joined({name: self.plain(argument)})
        return {key: self.plain(value) for key, value in node.items()}

    def _text(self, argument) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else argument
        values = {name: _joined(self.plain(value)) for name, value in given.items()}
        return _PLACEHOLDER.sub(lambda match: values.get(match[1]) or self._symbol(match[1]), text)

    def _symbol(self, name: str) -> str:
        if name.startswith("/") or (name.startswith("AWS::") and name not in _OF_A_STACK):
            return f"${{{name}}}"
        if name.startswith("!"):  # how Fn::Sub escapes an IAM variable
            return f"${{{name[1:]}}}"
        logical_id, _, attribute = name.partition(".")
        if attribute.startswith("Outputs.") and (child := self.child(logical_id)):
            return child.output(attribute.removeprefix("Outputs."))
        return f"${{/{'/'.join((*self.path, name))}}}"


def readable(text: str) -> str:
    """Shorten `${/DataStack/OrdersTable.Arn}` to `DataStack/OrdersTable.Arn`; within a longer text, keep the braces."""
    symbol = re.fullmatch(r"\$\{/([^}]+)\}", text)
    return symbol[1] if symbol else text.replace("${/", "${")


def _literal(value) -> str:
    """Convert a scalar to a string as CloudFormation does."""
    if isinstance(value, Unknown):
        return f"({value.expression})"
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _joined(value) -> str:
    """Convert a list of strings to a parameter's value; any other value that is not a string to JSON."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
