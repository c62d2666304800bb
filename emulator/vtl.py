"""The part of Apache Velocity that the template of a preflight uses.

``#set``, ``#if``, ``#elseif``, ``#else`` and ``#end``, each alone on its line; ``||``, ``&&``, ``!``, ``==`` and
``!=``; strings, ``true`` and ``false``; and references such as ``$input.params().header.get("Origin")``.
"""

import re
from typing import Any

DIRECTIVE = re.compile(r"\s*#(set|if|elseif|else|end)\b(?:\((.*)\))?\s*")
REFERENCE = re.compile(r"""\$!?\{?([A-Za-z][\w-]*(?:\.[A-Za-z][\w-]*(?:\(\)|\("[^"]*"\))?)*)\}?""")
STEP = re.compile(r"""([\w-]+)(?:\("?([^")]*)"?\))?\.?""")
ASSIGNMENT = re.compile(r"\s*\$([\w.-]+)\s*=(.*)")


class VtlError(ValueError):
    """The template is not in the part of Velocity that this module knows."""


def render(template: str, variables: dict[str, Any]) -> str:
    """Return the template's text. ``#set`` changes ``variables``."""
    out = []
    enclosing: list[tuple[bool, bool]] = []  # by open #if: whether it is live, and whether a branch was taken
    live = True
    for line in template.splitlines(keepends=True):
        directive = DIRECTIVE.fullmatch(line)
        if not directive:
            if re.search(r"#[a-z{]", line):
                raise VtlError(f"a directive must be alone on its line: {line.strip()}")
            if live:
                out.append(REFERENCE.sub(lambda match: text_of(_resolve(match.group(), variables)), line))
            continue
        name, argument = directive.groups()
        if name == "set":
            if live:
                _assign(argument or "", variables)
            continue
        if name == "if":
            enclosing.append((live, False))
        elif not enclosing:
            raise VtlError(f"#{name} without #if")
        outside, taken = enclosing.pop()
        live = outside
        if name != "end":
            live = outside and not taken and (name == "else" or _holds(argument or "", variables))
            enclosing.append((outside, taken or live))
    if enclosing:
        raise VtlError("#if without #end")
    return "".join(out)


def text_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _assign(argument: str, variables: dict[str, Any]) -> None:
    assignment = ASSIGNMENT.fullmatch(argument)
    if not assignment:
        raise VtlError(f"cannot read #set({argument})")
    *path, last = assignment[1].split(".")
    parent = variables
    for name in path:
        parent = parent.setdefault(name, {})
    parent[last] = _operand(assignment[2].strip(), variables)


def _holds(condition: str, variables: dict[str, Any]) -> bool:
    return any(all(_term(term, variables) for term in each.split("&&")) for each in condition.split("||"))


def _term(term: str, variables: dict[str, Any]) -> bool:
    left, operator, right = re.fullmatch(r"(.+?)(?:(==|!=)(.+))?", term.strip()).groups()
    if operator:
        equal = _operand(left.strip(), variables) == _operand(right.strip(), variables)
        return equal is (operator == "==")
    negated = left.startswith("!")
    # Velocity 1: null and false are false; everything else, an empty text too, is true.
    return (_operand(left.removeprefix("!").strip(), variables) not in (None, False)) is not negated


def _operand(text: str, variables: dict[str, Any]) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r'"[^"$]*"', text):
        return text[1:-1]
    if REFERENCE.fullmatch(text):
        return _resolve(text, variables)
    raise VtlError(f"cannot read {text}")


def _resolve(reference: str, variables: dict[str, Any]) -> Any:
    """Return the value of a reference, None if it has none. A missing parameter is "", as in API Gateway."""
    value: Any = variables
    for name, argument in STEP.findall(REFERENCE.fullmatch(reference)[1]):
        if argument and name != "get":
            raise VtlError(f"unknown method: {reference}")
        if not isinstance(value, dict):
            return None
        value = value.get(argument, "") if name == "get" else value.get(name)
    return value
