"""Compare permissions: which grants a deployment adds and removes, and whether that broadens access. Pure."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from deployer.plan.grants import grants
from deployer.plan.snapshot import Snapshot
from deployer.plan.statements import ALLOW, EVERYONE, ConditionTest, Grant, Patterns
from deployer.plan.symbols import Symbols


@dataclass(frozen=True)
class GrantChange:
    """An added (`gained`) or removed grant. `covered`: a wider grant includes it, so access does not change."""

    grant: Grant
    gained: bool
    broadens: bool
    narrows: bool
    covered: bool


@dataclass(frozen=True)
class PermissionChanges:
    """`changes`: sorted by holder. `first`: nothing was deployed before."""

    changes: tuple[GrantChange, ...] = ()
    first: bool = False

    @property
    def gained(self) -> tuple[Grant, ...]:
        return tuple(change.grant for change in self.changes if change.gained)

    @property
    def lost(self) -> tuple[Grant, ...]:
        return tuple(change.grant for change in self.changes if not change.gained)

    @property
    def broadens(self) -> tuple[GrantChange, ...]:
        """Return the changes that need consent: an added Allow, a removed Deny or boundary."""
        return tuple(change for change in self.changes if change.broadens)

    @property
    def narrows(self) -> tuple[GrantChange, ...]:
        return tuple(change for change in self.changes if change.narrows)


def diff(now: Snapshot, then: Snapshot) -> PermissionChanges:
    """Return the grants that `then` adds and removes.

    A changed statement is one grant removed and one added. A Deny or a boundary that is removed together with its
    resource or role broadens nothing; one that is added together with them narrows nothing.
    """
    old, new = grants(now), grants(then)
    removed = Symbols(now).paths() - Symbols(then).paths()
    added = Symbols(then).paths() - Symbols(now).paths()
    gained = [_change(grant, True, old, added) for grant in new - old]
    lost = [_change(grant, False, new, removed) for grant in old - new]
    order = sorted(gained + lost, key=lambda change: (change.grant.holder, change.gained, change.grant))
    return PermissionChanges(tuple(order), first=not now.template)


def _change(grant: Grant, gained: bool, others: Iterable[Grant], only_here: Collection[str]) -> GrantChange:
    """`others`: the grants of the other side. `only_here`: paths of resources that the other side does not have."""
    covered = any(covers(other, grant) for other in others)
    allows = grant.effect == ALLOW
    matters = not covered and (allows or grant.subject not in only_here)
    return GrantChange(grant, gained, matters and allows == gained, matters and allows != gained, covered)


def covers(wide: Grant, narrow: Grant) -> bool:
    """Return True if `wide` certainly includes `narrow`."""
    return (
        wide.effect == narrow.effect
        and wide.policy_of == narrow.policy_of
        and (wide.holder == narrow.holder or (wide.holder == EVERYONE and bool(narrow.policy_of)))
        and _includes(wide.action, narrow.action)
        and _includes(wide.resource, narrow.resource)
        and all(any(_implies(given, wanted) for given in narrow.tests) for wanted in wide.tests)
    )


def _includes(wide: Patterns, narrow: Patterns) -> bool:
    if wide.patterns == ("*",) and not wide.inverted:
        return True
    if wide.inverted and narrow.inverted:
        return all(any(_matches(less, more) for less in narrow.patterns) for more in wide.patterns)
    if wide.inverted:
        return not any(_meet(excluded, narrow.patterns[0]) for excluded in wide.patterns)
    return not narrow.inverted and _matches(wide.patterns[0], narrow.patterns[0])


def _matches(wide: str, narrow: str) -> bool:
    """Return True if `wide` matches everything that `narrow` matches; both with the wildcards * and ?."""
    return _expression(wide).fullmatch(narrow) is not None


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern:
    """Compile a pattern. A ? is one character, so it matches neither a * nor the start of a symbol."""
    parts = (
        ".*" if part == "*" else "[^*$]" if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern)
    )
    return re.compile("".join(parts), re.DOTALL)


def _meet(left: str, right: str) -> bool:
    """Return True if a text exists that both patterns match. A symbol may be any text."""
    left, right = (re.sub(r"\*+", "*", re.sub(r"\$\{[^}]*\}", "*", side)) for side in (left, right))
    row = {0}  # positions in `left` reachable with the characters of `right` read so far
    row = _skip_stars(left, row)
    for character in right:
        if character == "*":
            row = set(range(min(row), len(left) + 1)) if row else row
        else:
            stay = {at for at in row if at < len(left) and left[at] == "*"}
            step = {
                at + 1 for at in row - stay if at < len(left) and (left[at] in (character, "?") or character == "?")
            }
            row = stay | step
        row = _skip_stars(left, row)
    return len(left) in row


def _skip_stars(pattern: str, positions: set[int]) -> set[int]:
    """Add the positions behind a *, which may match the empty text."""
    return positions | {at + 1 for at in positions if at < len(pattern) and pattern[at] == "*"}


def _implies(given: ConditionTest, wanted: ConditionTest) -> bool:
    """Return True if `given` implies `wanted`: fewer alternatives, or more exclusions."""
    if (given.operator, given.key) != (wanted.operator, wanted.key):
        return False
    if "Not" in given.operator:
        return set(given.values) >= set(wanted.values)
    return set(given.values) <= set(wanted.values)
