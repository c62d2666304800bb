"""What the probes found."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from conformance.probe import Probe


class Verdict(Enum):
    """`FAILED`: the probe itself did not end as it should, so it says nothing."""

    HOLDS = "holds"
    DIFFERS = "differs"
    CANNOT = "cannot be tried"
    FAILED = "failed"


@dataclass(frozen=True)
class Result:
    """One probe's verdict. `expected` and `seen` if it differs; `why` if it cannot be tried or failed.

    `left`: what the probe has made and could not remove.
    """

    probe: Probe
    verdict: Verdict
    seconds: float = 0
    expected: str = ""
    seen: str = ""
    why: str = ""
    left: tuple[str, ...] = ()

    def as_json(self) -> dict[str, str]:
        texts = {"expected": self.expected, "seen": self.seen, "why": self.why}
        return {"verdict": self.verdict.value, **{key: text for key, text in texts.items() if text}}


def counts(results: Iterable[Result]) -> dict[str, int]:
    """Return how many probes ended with each verdict."""
    found = Counter(result.verdict for result in results)
    return {verdict.value: found[verdict] for verdict in Verdict}
