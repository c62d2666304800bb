"""What the probes found."""

from dataclasses import dataclass
from enum import Enum

from conformance.probe import Probe


class Verdict(Enum):
    HOLDS = "holds"
    DIFFERS = "differs"
    CANNOT = "cannot be tried"


@dataclass(frozen=True)
class Result:
    """One probe's verdict. `expected` and `seen` if it differs; `why` if it cannot be tried."""

    probe: Probe
    verdict: Verdict
    seconds: float
    expected: str = ""
    seen: str = ""
    why: str = ""
