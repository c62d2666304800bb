"""The differences between declared and seen properties. Pure.

A service writes equal values in its own way; each rule of equality is here and nowhere else:

- numbers and booleans as text, as CloudFormation reads them
- JSON documents as text or as a value; their lists keep their order
- policies: one item for a list of one, actions in any case, statements in any order
- other lists are sets, unless listed in _ORDERED
- a declared false, "" or [] that is not returned; any other absence is a difference
- the `:*` behind the ARN of a log group, which CloudFormation appends and other services take away

What the service returns beyond the declared properties is its default, and no difference; an item too many in a list,
or in a mapping of _EXACT, is one.
"""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from itertools import zip_longest
from typing import Any, NamedTuple

from deployer.plan.changes import ABSENT

_POLICIES = {"PolicyDocument", "AssumeRolePolicyDocument"}
_DOCUMENTS = {"Schema", "DashboardBody", "EventPattern", "Pattern"}
_ORDERED = {"Layers", "KeySchema"}
_EXACT = {"Variables", "RequestModels", "RequestParameters", "RequestTemplates", "ResponseModels", "ResponseParameters"}
_EXACT |= {"ResponseTemplates", "RedriveAllowPolicy", "RedrivePolicy", "Statement", "Principal"}
_LABELS = ("Id", "IndexName", "AttributeName", "PolicyName", "Name", "StatusCode", "Sid", "HttpMethod")
_LOG_GROUP = re.compile(r"(arn:[\w-]+:logs:[^:]*:\d*:log-group:[^:]+):\*")


class Difference(NamedTuple):
    """A declared property that the service does not confirm. `path`: from the resource's properties."""

    path: tuple[str, ...]
    declared: Any
    seen: Any

    def __str__(self) -> str:
        return f"{'.'.join(self.path).replace('.[', '[')}: declared {_shown(self.declared)}, seen {_shown(self.seen)}"


def differences(declared: Any, seen: Any, path: tuple[str, ...] = (), exact: bool = False) -> Iterator[Difference]:
    """Yield where `seen` does not confirm `declared`. `exact`: inside of a document."""
    name = next((step for step in reversed(path) if not step.startswith("[")), "")
    if seen is ABSENT or seen is None:
        if exact or (declared is not False and declared not in ("false", "", [])):
            yield Difference(path, declared, ABSENT)
    elif name in _POLICIES:
        yield from _items(_statements(declared), _statements(seen), (*path, "Statement"), False)
    elif not exact and (name in _DOCUMENTS or _are_documents(declared, seen)):
        yield from differences(_parsed(declared), _parsed(seen), path, True)
    elif isinstance(declared, Mapping) and isinstance(seen, Mapping):
        yield from _mappings(declared, seen, path, exact)
    elif isinstance(declared, list) and isinstance(seen, list):
        yield from _items(declared, seen, path, exact)
    elif not _equal(declared, seen):
        yield Difference(path, declared, seen)


def _mappings(declared: Mapping, seen: Mapping, path: tuple[str, ...], exact: bool) -> Iterator[Difference]:
    complete = exact or any(step in _EXACT for step in path[-2:])
    for key in [*declared, *(key for key in seen if complete and key not in declared)]:
        if key not in declared:
            yield Difference((*path, key), ABSENT, seen[key])
        else:
            yield from differences(declared[key], seen.get(key, ABSENT), (*path, key), exact)


def _items(declared: list, seen: list, path: tuple[str, ...], exact: bool) -> Iterator[Difference]:
    """Pair the items: equal ones, then the rest by their labels. In a document, and in _ORDERED, by their order."""
    wanted, found = list(declared), list(seen)
    if not exact and path[-1] not in _ORDERED:
        for item in declared:
            equal = next((each for each in found if not any(differences(item, each, (*path, "[]")))), ABSENT)
            if equal is not ABSENT:
                wanted.remove(item)
                found.remove(equal)
        wanted.sort(key=_label)
        found.sort(key=_label)
    for index, (item, other) in enumerate(zip_longest(wanted, found, fillvalue=ABSENT)):
        at = (*path, f"[{_label(other if item is ABSENT else item) or index}]")
        if item is ABSENT:
            yield Difference(at, ABSENT, other)
        else:
            yield from differences(item, other, at, exact)


def _label(item: Any) -> str:
    if isinstance(item, Mapping):
        return next((str(item[name]) for name in _LABELS if name in item), "")
    return item if isinstance(item, str) else ""


def _statements(policy: Any) -> list[dict[str, Any]]:
    """Return a policy's statements, equal for equal permissions."""
    document = _parsed(policy)
    statements = document.get("Statement", []) if isinstance(document, Mapping) else [{"unreadable": str(policy)}]
    return [
        {key: _normal(key, value) for key, value in statement.items()}
        for statement in ([statements] if isinstance(statements, Mapping) else statements)
    ]


def _normal(key: str, value: Any) -> Any:
    if key in ("Principal", "NotPrincipal"):
        value = {"AWS": "*"} if value == "*" else value
        return {kind: _sorted(names) for kind, names in value.items()}
    if key == "Condition":
        tests = {test: {name: _sorted(values) for name, values in keys.items()} for test, keys in value.items()}
        return json.dumps(tests)  # a document, which is compared exactly
    if key in ("Action", "NotAction"):
        return [text.lower() for text in _sorted(value)]
    return _sorted(value) if key in ("Resource", "NotResource") else value


def _sorted(value: Any) -> list[str]:
    return sorted(map(_scalar, value if isinstance(value, list) else [value]))


def _equal(declared: Any, seen: Any) -> bool:
    if any(isinstance(side, (int, float)) and not isinstance(side, bool) for side in (declared, seen)):
        try:
            return Decimal(str(declared)) == Decimal(str(seen))
        except InvalidOperation:
            return False
    return _scalar(declared) == _scalar(seen)


def _scalar(value: Any) -> str:
    """Convert to text as CloudFormation does."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    group = _LOG_GROUP.fullmatch(text)
    return group[1] if group else text


def _are_documents(declared: Any, seen: Any) -> bool:
    """Return True for two JSON documents of which one at least is text."""
    has_text = isinstance(declared, str) or isinstance(seen, str)
    return has_text and all(isinstance(_parsed(side), (dict, list)) for side in (declared, seen))


def _parsed(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _shown(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= 300 else f"{text[:297]}..."
