"""Decide whether the version says what a change of the contract does."""

import json
from collections.abc import Iterator
from typing import NamedTuple

from contract.dialects import without
from generator.compatibility import channels, operations
from generator.compatibility.history import Contract, Version
from generator.compatibility.operations import Change

# What only people read; it may change in any version.
_PROSE = (
    *("contact", "description", "example", "examples", "info", "license"),
    *("servers", "summary", "tags", "title"),
)


class Comparison(NamedTuple):
    breaking: list[Change]
    additions: list[str]  # other places that differ

    @property
    def needs(self) -> str:
        """The part of the version that has to rise; "" for none."""
        return "major" if self.breaking else "minor" if self.additions else ""


def compare(old: Contract, new: Contract) -> Comparison:
    breaking = [*operations.breaking(old.openapi, new.openapi), *channels.breaking(old.asyncapi, new.asyncapi)]
    pairs = zip(old, new, strict=True)
    differences = [place for before, after in pairs for place in _differences(_rules(before), _rules(after), "")]
    return Comparison(breaking, differences)


def _rules(document: dict) -> dict:
    """Return a document without its prose."""
    return without(document, *_PROSE)


def _differences(old: object, new: object, path: str) -> Iterator[str]:
    """Yield the places where two documents differ, as deep as possible."""
    old, new = _named(old), _named(new)
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            place = f"{path}/{key}"
            if key not in new:
                yield f"{place} is gone"
            elif key not in old:
                yield f"{place} is new"
            else:
                yield from _differences(old[key], new[key], place)
    elif json.dumps(old) != json.dumps(new):  # Python's True is 1
        yield f"{path} is {_short(new)}, was {_short(old)}"


def _named(value: object) -> object:
    """Return a list of parameters by name, another list in an order that does not matter."""
    if not isinstance(value, list):
        return value
    if value and all(isinstance(each, dict) and "name" in each for each in value):
        return {each["name"]: each for each in value}
    return sorted(value, key=lambda each: json.dumps(each, sort_keys=True))


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}…"


def problem(present: Version, newest: Version, comparison: Comparison) -> str:
    """Return what is wrong with the version of the present contract; "" for nothing."""
    if present < newest:
        return f"contract.VERSION is {present}, older than the released {newest}"
    enough = {"": True, "minor": present[:2] > newest[:2], "major": present.major > newest.major}
    if enough[comparison.needs]:
        return ""
    if comparison.needs == "major":
        wanted = Version(newest.major + 1, 0, 0)
        return f"contract.VERSION is {present}: a breaking change needs {wanted} or newer"
    wanted = Version(newest.major, newest.minor + 1, 0)
    return f"contract.VERSION is {present}: an addition needs {wanted} or newer"
