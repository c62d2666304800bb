"""Compare two values of a template and list every difference. Pure.

Scalars are compared as CloudFormation reads them: 60 equals "60", and true equals "true". The order of a mapping's keys
does not matter; that of a list does.
"""

import json
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from operator import itemgetter

from deployer.plan.changes import ABSENT, Difference, Hidden, Inside, Item, Steps, Unknown

_IDENTITIES = (
    "Sid",
    "Id",
    "Key",
    "Name",
    "IndexName",
    "AttributeName",
    "PolicyName",
    "StatusCode",
    "id",
    "name",
    "key",
)
_IDENTITY_OF = {"KeySchema": ("KeyType",)}
"""Lists whose items are identified by another property: key schemas by their key type."""


class Secret(str):
    """The value of a NoEcho parameter, or one that contains it: compared, never shown."""

    __slots__ = ()


def differences(before, after, attribute: str = "Properties") -> tuple[Difference, ...]:
    """Return the differences, () if the two are equal to CloudFormation. Contains secrets: see `masked`."""
    return tuple(Difference(steps, old, new, attribute=attribute) for steps, old, new in walk(before, after))


def same(before, after) -> bool:
    return canonical(before) == canonical(after)


def walk(before, after, steps: Steps = ()) -> Iterator[tuple[Steps, object, object]]:
    """Yield (steps, old, new) for every difference. Contains secrets."""
    if same(before, after):
        return
    if _is_mapping(before) and _is_mapping(after):
        old, new = ({str(key): value for key, value in side.items()} for side in (before, after))
        for key in sorted(old.keys() | new.keys()):
            yield from walk(old.get(key, ABSENT), new.get(key, ABSENT), (*steps, key))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(before, after, steps)
    elif (old_sub := _substitution(before)) and (new_sub := _substitution(after)):
        yield from walk(old_sub[0], new_sub[0], (*steps, Inside.TEXT))
        yield from walk(old_sub[1], new_sub[1], (*steps, Inside.NAMES))
    elif (
        (old_json := _document(before)) is not None
        and (new_json := _document(after)) is not None
        and not same(old_json, new_json)
    ):
        yield from walk(old_json, new_json, (*steps, Inside.JSON))
    else:
        yield steps, before, after


def is_expression(node) -> bool:
    """Return True for an unresolved intrinsic function such as {"Ref": "OrdersTable"}."""
    return isinstance(node, dict) and len(node) == 1 and str(next(iter(node))).startswith(("Ref", "Fn::"))


def masked(node):
    """Replace every secret by Hidden."""
    if isinstance(node, Secret):
        return Hidden()
    if isinstance(node, dict):
        return {key: masked(value) for key, value in node.items()}
    return [masked(item) for item in node] if isinstance(node, list) else node


def canonical(node):
    """Return a hashable value, the same for values that are equal to CloudFormation."""
    if isinstance(node, Mapping):
        return (
            "mapping",
            tuple(sorted(((str(key), canonical(value)) for key, value in node.items()), key=itemgetter(0))),
        )
    if isinstance(node, list | tuple):
        return ("list", tuple(canonical(item) for item in node))
    if isinstance(node, Unknown):
        return ("unknown", node.expression)
    if node is ABSENT or node is None or isinstance(node, Hidden):
        return (type(node).__name__,)
    if isinstance(node, float) and node.is_integer():
        node = int(node)
    return ("scalar", str(node).lower() if isinstance(node, bool) else str(node))


def _is_mapping(node) -> bool:
    return isinstance(node, dict) and not is_expression(node)


def _substitution(node) -> tuple[object, object] | None:
    """Return an Fn::Sub's text and names; None for any other node."""
    if not is_expression(node) or "Fn::Sub" not in node:
        return None
    argument = node["Fn::Sub"]
    if isinstance(argument, str):
        return argument, {}
    complete = isinstance(argument, list) and len(argument) == 2
    return (argument[0], argument[1]) if complete and all(map(_is_part, argument)) else None


def _is_part(node) -> bool:
    return isinstance(node, str) or _is_mapping(node)


def _document(node) -> dict | list | None:
    """Parse a string that contains JSON; None for any other node."""
    if not isinstance(node, str) or isinstance(node, Secret) or not node.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(node)
    except (ValueError, RecursionError):
        return None


def _lists(before: list, after: list, steps: Steps) -> Iterator[tuple[Steps, object, object]]:
    key = _identity(before, after, next((step for step in reversed(steps) if isinstance(step, str)), ""))
    if key is None:
        yield from _sequences(before, after, steps)
        return
    old, new = ({_identity_of(item, key): (index, item) for index, item in enumerate(side)} for side in (before, after))
    for identity, (index, item) in old.items():
        path: Steps = (*steps, Item(index, key, identity if key else ""))
        yield from walk(item, new[identity][1] if identity in new else ABSENT, path)
    for identity, (index, item) in new.items():
        if identity not in old:
            yield (*steps, Item(index, key, identity if key else "")), ABSENT, item
    order_before, order_after = ([each for each in side if each in old and each in new] for side in (old, new))
    if order_before != order_after:
        yield (*steps, Inside.ORDER), order_before, order_after


def _identity(before: list, after: list, name: str) -> str | None:
    """Return the key that identifies the items on both sides; "" for distinct scalars; None if there is no such key."""
    sides = (before, after)
    if not all(sides):
        return None
    if all(_is_scalar(item) for side in sides for item in side):
        return "" if all(len({str(canonical(item)) for item in side}) == len(side) for side in sides) else None
    if not all(_is_mapping(item) for side in sides for item in side):
        return None
    for key in (*_IDENTITY_OF.get(name, ()), *_IDENTITIES):
        if all(_is_scalar(item.get(key)) for side in sides for item in side) and all(
            len({_identity_of(item, key) for item in side}) == len(side) for side in sides
        ):
            return key
    return None


def _identity_of(item, key: str) -> str:
    return str(canonical(item[key] if key else item)[1])


def _is_scalar(node) -> bool:
    return isinstance(node, str | int | float) and not isinstance(node, Secret)


def _sequences(before: list, after: list, steps: Steps) -> Iterator[tuple[Steps, object, object]]:
    """Compare lists without identities: align the longest common runs, and pair the items between them in order."""
    old, new = ([canonical(item) for item in side] for side in (before, after))
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for _, low, high, new_low, new_high in matcher.get_opcodes():
        pairs = min(high - low, new_high - new_low)
        for offset in range(pairs):
            yield from walk(before[low + offset], after[new_low + offset], (*steps, Item(low + offset)))
        for index in range(low + pairs, high):
            yield (*steps, Item(index)), before[index], ABSENT
        for index in range(new_low + pairs, new_high):
            yield (*steps, Item(index)), ABSENT, after[index]
