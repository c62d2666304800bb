"""Which line of the generator made a resource: looked up after a failure, free of charge before."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from troposphere import BaseAWSObject

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Origin:
    """`file` as seen from the checkout, `line` where the resource is constructed, `function` around it."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.function}"


def origins() -> dict[tuple[str, str], Origin]:
    """(template, logical id) -> Origin, by rendering once more and watching who constructs what.

    The innermost named function of the generator counts: it holds the properties. Comprehensions and
    lambdas have no name that a reader could look for. What a module constructs on import has no origin.
    """
    from generator import render

    with _watched() as made:
        templates = render.templates()
    return {
        (name, logical_id): made[id(resource)][1]
        for name, template in templates.items()
        for logical_id, resource in template.resources.items()
        if id(resource) in made
    }


@contextmanager
def _watched() -> Iterator[dict[int, tuple[BaseAWSObject, Origin]]]:
    """Object's id -> the object, kept so that no other gets its id, and its origin."""
    made: dict[int, tuple[BaseAWSObject, Origin]] = {}
    construct = BaseAWSObject.__init__

    def noting(self, *arguments, **properties):
        if origin := _caller(sys._getframe(1)):
            made[id(self)] = self, origin
        construct(self, *arguments, **properties)

    BaseAWSObject.__init__ = noting
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
