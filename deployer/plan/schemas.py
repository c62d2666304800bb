"""Which properties cannot change in place, by the provider schemas.

Mutability does not differ between regions, so it is read from us-east-1, which has every type.
"""

from dataclasses import dataclass
from functools import cache

from deployer.plan.changes import ABSENT, Difference, Replaces
from deployer.plan.properties import same
from generator.provider_schemas import read

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
