"""Old and new versions of the functions at once: what an earlier release wrote and read, as names to replace."""

import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from config.constraints import SHORTEST_ORDER_TTL

if TYPE_CHECKING:
    from tests.simulation.world import World

MINUTE = 60_000


class Release(NamedTuple):
    """A version of the code: what differs from today's, by module and name."""

    name: str
    differs: tuple[tuple[str, str, Any], ...] = ()
    ttl_days: str | None = None


def _unchanged(text: str) -> str:
    return text


# Before a message had several orders.
ONE_PER_MESSAGE = (("domain.imports", "ORDERS_PER_MESSAGE", 1), ("domain.messages", "FORMAT", 1))
# Before messages had a format.
NO_FORMAT = (*ONE_PER_MESSAGE, ("domain.messages", "FORMAT", 0), ("domain.messages", "_alone", _unchanged))
NEW = Release("new")
OLD = (
    NEW,
    Release("format 1", ONE_PER_MESSAGE),
    Release("format 0", NO_FORMAT),
    Release("another time to live", ttl_days="60"),
)
TTL_DAYS = ("90", str(SHORTEST_ORDER_TTL))


class Releases:
    """Each function is deployed at a time; for a minute both versions run."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.old = OLD[world.choices.number("deployment", "old release", len(OLD))]
        self.deployed_at: dict[str, float] = {}
        self.finished = False
        self.ttl_days = TTL_DAYS[world.choices.number("deployment", "time to live", len(TTL_DAYS))]
        self._installed = NEW
        self._originals: dict[tuple[str, str], Any] = {}
        if self.old.name == "new":
            return
        for name, function in world.functions.items():
            minute = world.choices.number("detail", f"{name} is deployed", 12)
            self.deployed_at[name] = world.scheduler.now + minute * MINUTE
            world.scheduler.at(minute * MINUTE, function.drop_environments)

    def of(self, function: str, invocation: str) -> Release:
        """Return the release of a process that starts now."""
        since = self.world.scheduler.now - self.deployed_at.get(function, 0)
        if self.finished or since > MINUTE:
            return NEW
        if since < 0:
            return self.old
        return self.old if self.world.choices.number("detail", f"{invocation} is old", 2) else NEW

    def finish(self) -> None:
        """All processes from now on are new."""
        self.finished = True
        for function in self.world.functions.values():
            function.drop_environments()

    def install(self, release: Release) -> None:
        """Let the modules be of a release, until the next one is installed."""
        if release is self._installed:
            return
        self.restore()
        os.environ["ORDER_TTL_DAYS"] = release.ttl_days or self.ttl_days
        for module, name, value in release.differs:
            self._originals.setdefault((module, name), getattr(sys.modules[module], name))
            setattr(sys.modules[module], name, value)
        self._installed = release

    def restore(self) -> None:
        for (module, name), value in self._originals.items():
            setattr(sys.modules[module], name, value)
        self._originals.clear()
