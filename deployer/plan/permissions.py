"""Who gains or loses which permission by a deployment, and whether that widens what anybody may do. Pure."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from deployer.plan.grants import grants
from deployer.plan.snapshot import Snapshot
from deployer.plan.statements import ALLOW, EVERYONE, Grant, Names, Test
from deployer.plan.symbols import Symbols


@dataclass(frozen=True)
class GrantChange:
    """A grant that comes (`gained`) or goes. `covered`: another, wider one says so too, so it matters to nobody."""

    grant: Grant
    gained: bool
    broadens: bool
    narrows: bool
    covered: bool


@dataclass(frozen=True)
class PermissionChanges:
    """`changes`: sorted by holder. `first`: there was nothing before, so that everything is gained."""

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
        """What somebody should agree to: an Allow gained, a Deny or a boundary lost."""
        return tuple(change for change in self.changes if change.broadens)

    @property
    def narrows(self) -> tuple[GrantChange, ...]:
        return tuple(change for change in self.changes if change.narrows)


def diff(now: Snapshot, then: Snapshot) -> PermissionChanges:
    """What `then` permits and `now` does not, and the other way round.

    A changed statement is one grant lost and one gained. A Deny or a boundary that goes together with the resource
    it protects, or with the role it holds back, broadens nothing; nor does one narrow that comes with them.
    """
    old, new = grants(now), grants(then)
    gone = Symbols(now).paths() - Symbols(then).paths()
    fresh = Symbols(then).paths() - Symbols(now).paths()
    gained = [_change(grant, True, old, fresh) for grant in new - old]
    lost = [_change(grant, False, new, gone) for grant in old - new]
    order = sorted(gained + lost, key=lambda change: (change.grant.holder, change.gained, change.grant))
    return PermissionChanges(tuple(order), first=not now.template)


def _change(grant: Grant, gained: bool, others: Iterable[Grant], passing: Collection[str]) -> GrantChange:
    """`others`: the grants of the other side. `passing`: paths that this side report_conflict has."""
    covered = any(covers(other, grant) for other in others)
    allows = grant.effect == ALLOW
    matters = not covered and (allows or grant.subject not in passing)
    return GrantChange(grant, gained, matters and allows == gained, matters and allows != gained, covered)


def covers(wide: Grant, narrow: Grant) -> bool:
    """Whether `wide` says all that `narrow` says. When in doubt it does not."""
    return (
        wide.effect == narrow.effect
        and wide.policy_of == narrow.policy_of
        and (wide.holder == narrow.holder or (wide.holder == EVERYONE and bool(narrow.policy_of)))
        and _includes(wide.action, narrow.action)
        and _includes(wide.resource, narrow.resource)
        and all(any(_implies(given, wanted) for given in narrow.tests) for wanted in wide.tests)
    )


def _includes(wide: Names, narrow: Names) -> bool:
    if wide.patterns == ("*",) and not wide.but:
        return True
    if wide.but and narrow.but:
        return all(any(_matches(less, more) for less in narrow.patterns) for more in wide.patterns)
    if wide.but:
        return not any(_meet(excluded, narrow.patterns[0]) for excluded in wide.patterns)
    return not narrow.but and _matches(wide.patterns[0], narrow.patterns[0])


def _matches(wide: str, narrow: str) -> bool:
    """Whether whatever `narrow` stands for is matched by `wide`; both with the wildcards * and ?."""
    return _expression(wide).fullmatch(narrow) is not None


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern:
    """A ? is one character, so it does not match the * of a narrower pattern, nor the start of a symbol."""
    parts = (
        ".*" if part == "*" else "[^*$]" if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern)
    )
    return re.compile("".join(parts), re.DOTALL)


def _meet(left: str, right: str) -> bool:
    """Whether something is matched by both patterns. A symbol may stand for anything."""
    left, right = (re.sub(r"\*+", "*", re.sub(r"\$\{[^}]*\}", "*", side)) for side in (left, right))
    row = {0}  # positions in `left` that `right`, as far as it is read, can have reached
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


def _skip_stars(pattern: str, places: set[int]) -> set[int]:
    """`places`, and those behind a * that stands for nothing."""
    return places | {at + 1 for at in places if at < len(pattern) and pattern[at] == "*"}


def _implies(given: Test, wanted: Test) -> bool:
    """Whether passing `given` means passing `wanted`: fewer alternatives, or more that are excluded."""
    if (given.operator, given.key) != (wanted.operator, wanted.key):
        return False
    if "Not" in given.operator:
        return set(given.values) >= set(wanted.values)
    return set(given.values) <= set(wanted.values)
