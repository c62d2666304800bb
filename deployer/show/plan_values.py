"""The words of a plan that all its views use: signs, sums, values."""

import json
from collections import Counter
from collections.abc import Iterable
from itertools import takewhile

from deployer.plan.changes import ABSENT, Action, Change, Difference, Hidden, Plan, Replaces, Unknown
from deployer.plan.properties import is_expression

SIGNS = {Action.ADD: "+", Action.MODIFY: "~", Action.MAY_REPLACE: "?", Action.REPLACE: "±", Action.REMOVE: "-"}
NOTES = {
    Replaces.NO: "",
    Replaces.POSSIBLY: "may force a replacement",
    Replaces.CERTAINLY: "forces a replacement",
}
MANY = 12
"""A stack with more additions than this, and nothing else, is shown as counts."""

_LATER, _SECRET = "(known after deployment)", "(hidden)"
_CONTEXT = 12
"""Characters of what two long texts have in common that are shown on either side of where they differ."""


def summary(plan: Plan) -> str:
    phantoms = f" ({plan.phantoms} more refer to something that changes)" if plan.phantoms else ""
    return (counts(plan.changes) or "no resource changes, only outputs") + phantoms


def counts(changes: Iterable[Change]) -> str:
    """`1 to add, 2 may be replaced`"""
    number = Counter(change.action for change in changes)
    return ", ".join(
        f"{number[action]} {'may be replaced' if action is Action.MAY_REPLACE else f'to {action.value}'}"
        for action in Action
        if number[action]
    )


def by_type(changes: Iterable[Change]) -> list[tuple[str, int]]:
    return sorted(Counter(change.type for change in changes).items())


def only_additions(changes: list[Change]) -> bool:
    return len(changes) > MANY and all(change.action is Action.ADD for change in changes)


def is_told(difference: Difference) -> bool:
    """False where the service named the property, and no value."""
    return not (isinstance(difference.before, Unknown) and isinstance(difference.after, Unknown))


def sides(difference: Difference, width: int) -> tuple[str, str]:
    """Both values, "" where there is none, each at most `width` characters long.

    Of two long ones what they have in common at either end is left out.
    """
    before, after = value(difference.before), value(difference.after)
    if before and after and max(len(before), len(after)) > width:
        start = _shared(before, after)
        end = _shared(before[start:][::-1], after[start:][::-1])
        before, after = (_between(text, start - _CONTEXT, end - _CONTEXT) for text in (before, after))
    return shortened(before, width), shortened(after, width)


def shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def value(node) -> str:
    """In one line: a text in quotes, what cannot be known or must not be shown in brackets, a reference bare."""
    if node is ABSENT:
        return ""
    plain = _plain(node)
    bare = isinstance(node, Unknown | Hidden) or is_expression(node)
    return plain if bare and isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, default=str)


def _plain(node):
    if isinstance(node, Unknown):
        return _LATER
    if isinstance(node, Hidden):
        return _SECRET
    if is_expression(node):
        return _expression(node)
    if isinstance(node, dict):
        return {str(key): _plain(item) for key, item in node.items()}
    return [_plain(item) for item in node] if isinstance(node, list) else node


def _expression(node: dict):
    """{"Fn::GetAtt": ["OrdersTable", "Arn"]} -> OrdersTable.Arn; what has no short form stays as it is."""
    ((function, argument),) = node.items()
    if function == "Ref":
        return str(argument)
    if function == "Fn::GetAtt":
        return argument if isinstance(argument, str) else ".".join(map(str, argument))
    if function == "Fn::Sub":
        return f"Sub {_quoted(argument if isinstance(argument, str) or not argument else argument[0])}"
    if function == "Fn::Join" and isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], list):
        parts = [f"${{{_plain(part)}}}" if is_expression(part) else str(_plain(part)) for part in argument[1]]
        return f"Sub {_quoted(str(argument[0]).join(parts))}"
    return {function: _plain(argument)}


def _quoted(text) -> str:
    return json.dumps(_plain(text), ensure_ascii=False, default=str)


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _between(text: str, start: int, end: int) -> str:
    """`text` without so many characters at its ends."""
    start, end = (size if size > 1 else 0 for size in (start, end))
    return f"{'…' * bool(start)}{text[start : len(text) - end]}{'…' * bool(end)}"
