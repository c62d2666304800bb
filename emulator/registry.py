"""The register of patches: each is one function, known by its name.

Applying a patch changes the imported MiniStack. ``EMULATOR_WITHOUT_PATCHES=name,other`` leaves patches out, which is
how the tests prove that each is still needed. ``upstream`` says what MiniStack would have to do for the patch to go:
on an upgrade, docs/emulator-patches.md is the check list, and a patch whose probe holds without it can be deleted.
"""

import importlib
import os
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass

WITHOUT = "EMULATOR_WITHOUT_PATCHES"
ALL = "*"


@dataclass(frozen=True)
class Patch:
    """One difference between MiniStack and AWS, and the function that removes it."""

    name: str
    module: str
    upstream: str
    apply: Callable[[], None]


PATCHES: dict[str, Patch] = {}


def patch(*, upstream: str) -> Callable:
    """Register the decorated function as a patch under its name."""

    def register(function: Callable[[], None]) -> Callable[[], None]:
        add(function, upstream, function)
        return function

    return register


def add(function: Callable, upstream: str, apply: Callable[[], None]) -> None:
    """Register ``apply`` as a patch under the name of ``function``."""
    name = function.__name__
    if name in PATCHES:
        raise ValueError(f"two patches are called {name}")
    PATCHES[name] = Patch(name, function.__module__.rpartition(".")[2], upstream, apply)


def load() -> dict[str, Patch]:
    """Import all patches, and MiniStack with them; return them by module, in the order in which they are applied."""
    package = importlib.import_module("emulator.patches")
    for info in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"emulator.patches.{info.name}")
    return dict(sorted(PATCHES.items(), key=lambda item: item[1].module))


def left_out() -> set[str]:
    """Return the names in ``EMULATOR_WITHOUT_PATCHES``; ``*`` means all of them."""
    return {name.strip() for name in os.environ.get(WITHOUT, "").split(",") if name.strip()}


def apply(without: Iterable[str] = ()) -> None:
    """Apply all patches except those named."""
    without = set(without)
    if ALL in without:
        return
    patches = load()
    unknown = without - set(patches)
    if unknown:
        raise ValueError(f"no patch is called {', '.join(sorted(unknown))}")
    for name, each in patches.items():
        if name not in without:
            each.apply()
