"""The register of patches: each is one function, known by its name.

Calling a patch changes the imported MiniStack. ``EMULATOR_WITHOUT_PATCHES=name,other``
leaves patches out, which is how the tests prove that each is still needed: on an upgrade
of MiniStack a patch whose test passes without it can be deleted.
"""

import importlib
import os
import pkgutil
from collections.abc import Callable, Iterable

PATCHES: dict[str, Callable[[], None]] = {}

WITHOUT = "EMULATOR_WITHOUT_PATCHES"


def patch(function: Callable[[], None]) -> Callable[[], None]:
    """Register a patch under the function's name. Its docstring must explain it."""
    name = function.__name__
    if name in PATCHES:
        raise ValueError(f"two patches are called {name}")
    if not function.__doc__:
        raise ValueError(f"patch {name} needs a docstring")
    PATCHES[name] = function
    return function


def load() -> dict[str, Callable[[], None]]:
    """Import every module of ``emulator.patches`` (in alphabetical order) and return the register."""
    package = importlib.import_module("emulator.patches")
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"emulator.patches.{module}")
    return PATCHES


def left_out() -> set[str]:
    """The names in ``EMULATOR_WITHOUT_PATCHES``; ``*`` means all of them."""
    names = {name.strip() for name in os.environ.get(WITHOUT, "").split(",") if name.strip()}
    return set(load()) if "*" in names else names


def apply(without: Iterable[str] = ()) -> list[str]:
    """Apply all patches except those named, and return the names of those applied."""
    without = set(without)
    unknown = without - set(load())
    if unknown:
        raise ValueError(f"no patch is called {', '.join(sorted(unknown))}")
    applied = [name for name in PATCHES if name not in without]
    for name in applied:
        PATCHES[name]()
    return applied
