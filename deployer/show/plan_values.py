"""What all views of a plan share: signs, counts, values as text."""

import json
from collections import Counter
from collections.abc import Iterable
from itertools import takewhile

from deployer.plan import publishing
from deployer.plan.changes import ABSENT, Action, Change, Difference, Hidden, Plan, Replaces, Unknown
from deployer.plan.properties import is_expression
from deployer.plan.stateful import REPLACED_BY

SIGNS = {Action.ADD: "+", Action.MODIFY: "~", Action.MAY_REPLACE: "?", Action.REPLACE: "±", Action.REMOVE: "-"}
NOTES = {
    Replaces.NO: "",
    Replaces.POSSIBLY: "may force a replacement",
    Replaces.CERTAINLY: "forces a replacement",
}
MANY = 12
"""A stack with more changes, all additions, is shown as counts per type."""

_LATER, _SECRET = "(known after deployment)", "(hidden)"
_CONTEXT = 12
"""Characters shown of the common text on each side of a difference."""


def summary(plan: Plan) -> str:
    phantoms = f" ({plan.phantoms} more only refer to a changed resource)" if plan.phantoms else ""
    return (counts(plan.changes) or "no resource changes") + phantoms


def counts(changes: Iterable[Change]) -> str:
    """`1 to add, 2 may be replaced, 3 functions to publish`"""
    changes = list(changes)
    number, published = Counter(change.action for change in publishing.others(changes)), publishing.published(changes)
    parts = [
        f"{number[action]} {'may be replaced' if action is Action.MAY_REPLACE else f'to {action.value}'}"
        for action in Action
        if number[action]
    ]
    parts += [f"{len(published)} function{'s' * (len(published) > 1)} to publish"] if published else []
    return ", ".join(parts)


def alike(changes: Iterable[Change]) -> list[list[Change]]:
    """Group the resources of one type with the same differences, such as functions with another package."""
    groups: dict[object, list[Change]] = {}
    for change in changes:
        shared = bool(change.differences) and change.type not in REPLACED_BY
        key = (change.type, change.action, repr(change.differences)) if shared else change.path
        groups.setdefault(key, []).append(change)
    return [*groups.values()]


def publication(changes: Iterable[Change]) -> str:
    """`a new version of OrdersCommand, OrdersQuery`, "" if no function is published."""
    published = publishing.published(changes)
    return f"a new version of {', '.join(published)}; the alias moves on to it" if published else ""


def by_type(changes: Iterable[Change]) -> list[tuple[str, int]]:
    return sorted(Counter(change.type for change in changes).items())


def only_additions(changes: list[Change]) -> bool:
    return len(changes) > MANY and all(change.action is Action.ADD for change in changes)


def has_values(difference: Difference) -> bool:
    """False if CloudFormation names the property without its values."""
    return not (isinstance(difference.before, Unknown) and isinstance(difference.after, Unknown))


def sides(difference: Difference, width: int) -> tuple[str, str]:
    """Return both values, "" for an absent one, each at most `width` characters; the common text at both ends of long
    values is left out."""
    before, after = value(difference.before), value(difference.after)
    if before and after and max(len(before), len(after)) > width:
        start = _shared(before, after)
        end = _shared(before[start:][::-1], after[start:][::-1])
        before, after = (_between(text, start - _CONTEXT, end - _CONTEXT) for text in (before, after))
    return shortened(before, width), shortened(after, width)


def shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def value(node) -> str:
    """Format in one line: text in quotes, unknown or hidden values in brackets, references without quotes."""
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
    """{"Fn::GetAtt": ["OrdersTable", "Arn"]} -> OrdersTable.Arn; functions without a short form as JSON."""
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
    """Return the length of the common prefix."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _between(text: str, start: int, end: int) -> str:
    """Remove `start` and `end` characters at the ends of `text`."""
    start, end = (size if size > 1 else 0 for size in (start, end))
    return f"{'…' * bool(start)}{text[start : len(text) - end]}{'…' * bool(end)}"
