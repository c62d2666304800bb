"""The register of mends: each is one function, known by its name.

A mend patches the imported MiniStack when it is called. ``EMULATOR_WITHOUT=name,other``
leaves mends out, which is how the tests prove that each is still needed: on an upgrade
of MiniStack a mend whose test passes without it can be deleted.
"""

import importlib
import os
import pkgutil
from collections.abc import Callable, Iterable

MENDS: dict[str, Callable[[], None]] = {}

WITHOUT = "EMULATOR_WITHOUT"


def mend(function: Callable[[], None]) -> Callable[[], None]:
    """Register a mend under the function's name. Its docstring must explain it."""
    name = function.__name__
    if name in MENDS:
        raise ValueError(f"two mends are called {name}")
    if not function.__doc__:
        raise ValueError(f"mend {name} does not say what it mends")
    MENDS[name] = function
    return function


def load() -> dict[str, Callable[[], None]]:
    """Import every module of ``emulator.mends`` (in alphabetical order) and return the register."""
    package = importlib.import_module("emulator.mends")
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"emulator.mends.{module}")
    return MENDS


def left_out() -> set[str]:
    """The names in ``EMULATOR_WITHOUT``; ``*`` means all of them."""
    names = {name.strip() for name in os.environ.get(WITHOUT, "").split(",") if name.strip()}
    return set(load()) if "*" in names else names


def apply(without: Iterable[str] = ()) -> list[str]:
    """Apply all mends except those named, and return the names of those applied."""
    without = set(without)
    unknown = without - set(load())
    if unknown:
        raise ValueError(f"no mend is called {', '.join(sorted(unknown))}")
    applied = [name for name in MENDS if name not in without]
    for name in applied:
        MENDS[name]()
    return applied
