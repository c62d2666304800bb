"""Read the provider schemas that cfn-lint ships, and which properties cannot change in place.

Reads cfn-lint's files, since importing it takes a second. Mutability does not differ between regions, so it is read
from us-east-1, which has every type.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

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
    """Return the immutable properties; none for an unknown type such as a custom resource."""
    schema = read(resource_type, "us-east-1")
    return Immutable(
        *(_pointers(schema.get(key)) for key in ("createOnlyProperties", "conditionalCreateOnlyProperties"))
    )


def replaces(resource_type: str, difference: Difference) -> Replaces:
    """Return whether a difference replaces the resource by its schema, if both values are known."""
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
    """Return the value at a path; None for an absent, empty or false one: `FifoQueue: false` is the default."""
    for name in names:
        value = value.get(name, ABSENT) if isinstance(value, dict) else ABSENT
    return None if not value or same(value, False) else value


def _pointers(paths: list[str] | None) -> tuple[Pointer, ...]:
    """Convert /properties/Code/S3Key to (Code, S3Key), without the steps into lists."""
    return tuple(tuple(part for part in path.split("/")[2:] if part != "*") for path in paths or ())


def read(resource_type: str, region: str) -> Mapping[str, Any]:
    """Return the provider schema of a resource type; {} for an unknown type or region."""
    try:
        return _read(f"resources/{_file_names(region)[resource_type]}.json")
    except (OSError, KeyError):
        return {}


@cache
def _file_names(region: str) -> Mapping[str, str]:
    return _read(f"providers/{region}.json")


def _read(name: str) -> Any:
    spec = find_spec("cfnlint")  # resources.files("cfnlint") would import it
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("cfn-lint is not installed", name="cfnlint")
    return json.loads((Path(spec.origin).parent / "data" / "schemas" / name).read_text("utf-8"))
