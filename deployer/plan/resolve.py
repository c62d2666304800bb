"""Evaluate a template's intrinsic functions as far as parameter values allow. Pure.

A value that is known only after the deployment (a sibling's output) is an `Unknown`; a reference that a deployment
does not change (to a resource, a pseudo parameter) stays an expression. Equal resolved definitions mean equal resources.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from deployer.plan.changes import Unknown
from deployer.plan.properties import Secret

_NO_VALUE = {"Ref": "AWS::NoValue"}
PLACEHOLDER = re.compile(r"\$\{(?!!)([^}]+)\}")
"""A name in an Fn::Sub's text, but not in `${!Name}`, which is the literal text `${Name}`."""


def has_unknown(node: object) -> bool:
    """Return True if `node` is or contains an Unknown."""
    if isinstance(node, Unknown):
        return True
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return any(has_unknown(child) for child in children)


def _secret(value):
    return [_secret(item) for item in value] if isinstance(value, list) else Secret(value) if _is_text(value) else value


def _as_secret_as(parts: Iterable, text: str) -> str:
    return Secret(text) if any(isinstance(part, Secret) for part in parts) else text


def _as_placeholder(value) -> str:
    """Return a reference in the form of Fn::Sub's text, to have one form for equal values; "" if there is none."""
    if not isinstance(value, dict) or len(value) != 1:
        return ""
    ((function, argument),) = value.items()
    if function == "Fn::Sub":
        return argument if isinstance(argument, str) else ""
    if function == "Fn::GetAtt" and isinstance(argument, list):
        argument = ".".join(argument) if all(isinstance(part, str) for part in argument) else None
    return f"${{{argument}}}" if function in ("Ref", "Fn::GetAtt") and isinstance(argument, str) else ""


def _is_text(value) -> bool:
    return isinstance(value, (str, int, float))


class Scope:
    """A template's parameter values, conditions and mappings."""

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, object]):
        self.parameters = parameters
        self.declared = template.get("Parameters", {})
        self.mappings = template.get("Mappings", {})
        self.conditions = template.get("Conditions", {})
        self._resources = template.get("Resources", {})
        self._known: dict[str, bool | None] = {}

    def resources(self) -> dict[str, dict[str, Any]]:
        """Return logical id -> unresolved definition of the resources whose condition is not known to be false."""
        return {
            logical_id: definition
            for logical_id, definition in self._resources.items()
            if isinstance(definition, dict) and self.condition(definition.get("Condition", "")) is not False
        }

    def condition(self, name: str) -> bool | None:
        """Evaluate a condition; None if it depends on an unknown value."""
        if name not in self._known:
            self._known[name] = None  # also ends a cycle of conditions
            self._known[name] = self._truth(self.conditions.get(name))
        return self._known[name]

    def resolve(self, node: Any) -> Any:
        """Resolve `node` as far as its values are known."""
        if isinstance(node, list):
            return [self.resolve(item) for item in node if item != _NO_VALUE and self._is_present(item)]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Ref":
                return self._parameter(argument, node)
            if name in _INTRINSICS:
                return _INTRINSICS[name](self, argument)
        return {
            key: self.resolve(value) for key, value in node.items() if value != _NO_VALUE and self._is_present(value)
        }

    def _is_present(self, item) -> bool:
        """Return False for an Fn::If that resolves to AWS::NoValue."""
        return not (isinstance(item, dict) and item.keys() == {"Fn::If"} and self.resolve(item) == _NO_VALUE)

    def _parameter(self, name, otherwise):
        if not isinstance(name, str) or name not in self.parameters:
            return otherwise
        value, declared = self.parameters[name], self.declared.get(name, {})
        kind = str(declared.get("Type", "String"))
        is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
        value = [part.strip() for part in value.split(",")] if is_list and isinstance(value, str) else value
        return _secret(value) if str(declared.get("NoEcho", False)).lower() == "true" else value

    def _if(self, argument):
        name, then, otherwise = argument
        truth = self.condition(name)
        if truth is None:
            return Unknown(f"Fn::If {name}")
        return self.resolve(then if truth else otherwise)

    def _sub(self, argument):
        text, given = (argument, {}) if isinstance(argument, str) else argument
        values = {name: self.resolve(value) for name, value in given.items()}
        unknown, used = [], []

        def replacement(match: re.Match) -> str:
            name = match[1]
            value = values[name] if name in values else self._parameter(name, None)
            used.append(value)
            if has_unknown(value):
                unknown.append(name)
            return str(value) if isinstance(value, (str, int, float, bool)) else _as_placeholder(value) or match[0]

        result = _as_secret_as(used, PLACEHOLDER.sub(replacement, text))
        if unknown:
            return Unknown(f"Fn::Sub {text}")
        symbolic = {
            name: value
            for name, value in values.items()
            if not isinstance(value, (str, int, float, bool)) and not _as_placeholder(value)
        }
        return {"Fn::Sub": [result, symbolic]} if symbolic else result if "${" not in result else {"Fn::Sub": result}

    def _join(self, argument):
        delimiter, parts = argument[0], self.resolve(argument[1])
        if has_unknown(parts):
            return Unknown("Fn::Join")
        if isinstance(parts, list) and all(isinstance(part, (str, int, float)) for part in parts):
            return _as_secret_as(parts, delimiter.join(map(str, parts)))
        return {"Fn::Join": [delimiter, parts]}

    def _select(self, argument):
        index, items = self.resolve(argument[0]), self.resolve(argument[1])
        if isinstance(items, list) and str(index).isdigit() and int(index) < len(items):
            return items[int(index)]
        return Unknown("Fn::Select") if has_unknown([index, items]) else {"Fn::Select": [index, items]}

    def _split(self, argument):
        text = self.resolve(argument[1])
        if isinstance(text, str):
            return [_as_secret_as([text], part) for part in text.split(argument[0])]
        return Unknown("Fn::Split") if has_unknown(text) else {"Fn::Split": [argument[0], text]}

    def _find_in_map(self, argument):
        keys = [self.resolve(key) for key in argument[:3]]
        if all(isinstance(key, str) for key in keys):
            found = self.mappings.get(keys[0], {}).get(keys[1], {}).get(keys[2])
            if found is not None:
                return found
        return Unknown("Fn::FindInMap") if has_unknown(keys) else {"Fn::FindInMap": keys + argument[3:]}

    def _truth(self, rule) -> bool | None:
        if not isinstance(rule, dict) or len(rule) != 1:
            return None
        ((name, argument),) = rule.items()
        if name == "Condition":
            return self.condition(argument)
        if name == "Fn::Equals":
            left, right = (self.resolve(side) for side in argument)
            return (
                None
                if has_unknown([left, right]) or isinstance(left, dict) or isinstance(right, dict)
                else str(left) == str(right)
            )
        if name not in ("Fn::And", "Fn::Or", "Fn::Not"):
            return None
        sides = [self._truth(side) for side in argument]
        if name == "Fn::Not":
            return None if sides[0] is None else not sides[0]
        decisive = name == "Fn::Or"  # a single such side decides
        if decisive in sides:
            return decisive
        return None if None in sides else not decisive


_INTRINSICS = {
    "Fn::If": Scope._if,
    "Fn::Sub": Scope._sub,
    "Fn::Join": Scope._join,
    "Fn::Select": Scope._select,
    "Fn::Split": Scope._split,
    "Fn::FindInMap": Scope._find_in_map,
}
