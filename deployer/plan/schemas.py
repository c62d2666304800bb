"""Which properties cannot change in place: from the provider schemas that cfn-lint ships.

They are read from its files: importing cfn-lint to ask it takes a second. The file of us-east-1
serves for every region: it knows every type, and mutability does not differ.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from deployer.plan.changes import ABSENT, Difference, Replaces
from deployer.plan.properties import same

Pointer = tuple[str, ...]


@dataclass(frozen=True)
class Immutable:
    """Paths of property names. `certain`: createOnlyProperties; `possible`: conditionalCreateOnlyProperties."""

    certain: tuple[Pointer, ...] = ()
    possible: tuple[Pointer, ...] = ()


@cache
def immutable(resource_type: str) -> Immutable:
    """Of a type that is not known (a custom resource), nothing."""
    name = _file_names().get(resource_type)
    if name is None:
        return Immutable()
    schema = json.loads((_directory() / "resources" / f"{name}.json").read_text("utf-8"))
    return Immutable(
        *(_pointers(schema.get(key)) for key in ("createOnlyProperties", "conditionalCreateOnlyProperties"))
    )


def replaces(resource_type: str, difference: Difference) -> Replaces:
    """What the schema says of a difference in a property, its values taken to be known."""
    rules = immutable(resource_type)
    if any(_touches(pointer, difference) for pointer in rules.certain):
        return Replaces.CERTAINLY
    return Replaces.POSSIBLY if any(_touches(pointer, difference) for pointer in rules.possible) else Replaces.NO


def _touches(pointer: Pointer, difference: Difference) -> bool:
    names = tuple(step for step in difference.steps if isinstance(step, str))
    common = min(len(names), len(pointer))
    if names[:common] != pointer[:common]:
        return False
    return not same(*(_inner(side, pointer[common:]) for side in (difference.before, difference.after)))


def _inner(value, names: Pointer):
    """An absent value is as good as an empty one: `FifoQueue: false` added to a queue changes nothing."""
    for name in names:
        value = value.get(name, ABSENT) if isinstance(value, dict) else ABSENT
    return None if not value or same(value, False) else value


def _pointers(paths: list[str] | None) -> tuple[Pointer, ...]:
    """/properties/Code/S3Key -> (Code, S3Key); a list's items do not count as steps."""
    return tuple(tuple(part for part in path.split("/")[2:] if part != "*") for path in paths or ())


def _directory() -> Path:
    return Path(find_spec("cfnlint").origin).parent / "data" / "schemas"


@cache
def _file_names() -> dict[str, str]:
    return json.loads((_directory() / "providers" / "us-east-1.json").read_text("utf-8"))
