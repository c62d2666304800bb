"""Reduce a failing run to the choices that it needs."""

from collections.abc import Callable

from tests.simulation.choices import Choices
from tests.simulation.world import Run, run

Record = dict[str, int | str]


def shrink(failing: Run, attempts: int = 600, enough: Callable[[Run], bool] = lambda smaller: False) -> Run:
    """Return a run that breaks the same rule with as few unusual choices as delta debugging finds.

    It is content with a run that is small `enough`.
    """
    assert failing.violation is not None
    rule = failing.violation.rule
    best = failing
    left = [attempts]

    def fails(record: Record) -> Run | None:
        if left[0] == 0:
            return None
        left[0] -= 1
        again = run(Choices(0, only=record))
        if again.violation is None or again.violation.rule != rule:
            return None
        if enough(again):
            left[0] = 0
        return again

    for group in _groups(best.choices):
        best = fails({key: each for key, each in best.choices.items() if key not in group}) or best
    while True:
        smaller = _without_parts(best, fails) or _with_smaller_numbers(best, fails)
        if smaller is None:
            return best
        best = smaller


def _groups(record: Record) -> list[set[str]]:
    """Return choices to take away together: first a client or a file, with which all that it causes goes; then each kind."""
    subjects = [{key} for key in record if key.startswith(("client:", "file:", "garbage:"))]
    kinds = sorted({key.partition(":")[0] for key in record})
    return subjects + [{key for key in record if key.startswith(f"{kind}:")} for kind in kinds]


def _without_parts(best: Run, fails: Callable[[Record], Run | None]) -> Run | None:
    """Take away halves, quarters … of the choices, as long as the run fails."""
    keys = [*best.choices]
    size, found = max(1, len(keys) // 2), None
    while size:
        at = 0
        while at < len(keys):
            rest = keys[:at] + keys[at + size :]
            again = fails({key: best.choices[key] for key in rest})
            if again is None:
                at += size
            else:
                # What a run did not come to ask for is not needed either.
                best = found = again
                keys = [*again.choices]
        size //= 2
    return found


def _with_smaller_numbers(best: Run, fails: Callable[[Record], Run | None]) -> Run | None:
    for key, value in best.choices.items():
        if isinstance(value, int) and value > 1 and not key.startswith(("client:", "file:")):
            for smaller in {1, value // 2}:
                again = fails({**best.choices, key: smaller})
                if again is not None:
                    return again
    return None


def described(found: Run) -> str:
    """Return a run as numbered steps, ending with the rule that it breaks."""
    return "\n".join(f"{number:4}. {step}" for number, step in enumerate(found.history, 1))
