"""The dashboard's body: JSON as text for Fn::Sub, with parameters and with parts that exist under a condition."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import Any

from troposphere import If, Ref, Sub

from generator.alarms.spec import substitution


@dataclass(frozen=True)
class When:
    """The last elements of a list, `nodes`, if the condition holds. `name` is the variable of Fn::Sub."""

    name: str
    condition: str
    nodes: tuple[Any, ...]


def body(document: Mapping[str, Any], **variables: Sub) -> Sub:
    """`variables` are what its texts refer to besides parameters."""
    optional: dict[str, If] = {}
    text = _json(document, optional)
    return Sub(text + "\n", **variables, **optional)


def _json(node: Any, optional: dict[str, If]) -> str:
    """Indented by two; a tuple on one line. A Ref is a number: as text it is in quotes already."""
    match node:
        case Ref():
            return substitution(node)
        case tuple():
            return f"[{', '.join(map(_on_one_line, node))}]"
        case Mapping() if node:
            return _block("{", "}", [f"{json.dumps(key)}: {_json(value, optional)}" for key, value in node.items()])
        case [*elements] if elements:
            conditional = [each for each in elements if isinstance(each, When)]
            optional |= {each.name: _if(each, optional) for each in conditional}
            certain = [_json(each, optional) for each in elements if not isinstance(each, When)]
            return _block("[", "]", certain, "".join(f"${{{each.name}}}" for each in conditional))
    return json.dumps(node)


def _on_one_line(node: Any) -> str:
    if isinstance(node, Mapping):
        return f"{{ {', '.join(f'{json.dumps(key)}: {_on_one_line(value)}' for key, value in node.items())} }}"
    return json.dumps(node)


def _block(opening: str, closing: str, elements: list[str], rest: str = "") -> str:
    inner = indent(",\n".join(elements), "  ")
    return f"{opening}\n{inner}{rest}\n{closing}"


def _if(each: When, optional: dict[str, If]) -> If:
    return If(each.condition, Sub("".join(f",\n{indent(_json(node, optional), '    ')}" for node in each.nodes)), "")
