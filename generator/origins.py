"""The line of the generator that constructs a resource: computed only after a failed deployment."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from troposphere import BaseAWSObject

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Origin:
    """Where a resource is constructed; `file` is relative to the project."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.function}"


def origins() -> dict[tuple[str, str], Origin]:
    """Render again and return (template, logical id) -> Origin.

    An origin is the innermost named function of the generator, not a comprehension or lambda in it. A resource that
    a module constructs on import has none.
    """
    from generator import render

    with _recorded() as made:
        templates = render.templates()
    return {
        (name, logical_id): made[id(resource)][1]
        for name, template in templates.items()
        for logical_id, resource in template.resources.items()
        if id(resource) in made
    }


@contextmanager
def _recorded() -> Iterator[dict[int, tuple[BaseAWSObject, Origin]]]:
    """Record id(object) -> (object, origin); the reference keeps the id from being reused."""
    made: dict[int, tuple[BaseAWSObject, Origin]] = {}
    construct = BaseAWSObject.__init__

    def record(self, *arguments, **properties):
        if origin := _caller(sys._getframe(1)):
            made[id(self)] = self, origin
        construct(self, *arguments, **properties)

    BaseAWSObject.__init__ = record
    try:
        yield made
    finally:
        BaseAWSObject.__init__ = construct


def _caller(frame) -> Origin | None:
    while frame is not None:
        path, function = Path(frame.f_code.co_filename), frame.f_code.co_name
        if _HERE in path.parents and not function.startswith("<"):
            return Origin(path.relative_to(_HERE.parent).as_posix(), frame.f_lineno, function)
        frame = frame.f_back
    return None
