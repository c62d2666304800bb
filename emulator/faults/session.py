"""The client's part of a session: the emulator injects the rules while this process is connected."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from emulator import held
from emulator.faults import FAULTS_PATH
from emulator.faults.rules import Rule


@dataclass(frozen=True)
class Counts:
    """Calls that a rule matched, those that it changed, and those that wait at present."""

    matched: int = 0
    injected: int = 0
    waiting: int = 0


@dataclass
class Session:
    """`counts`: those of each rule, renewed several times a second. `ended`: the emulator no longer injects."""

    counts: list[Counts]
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def inject(endpoint_url: str, rules: Sequence[Rule], functions: Mapping[str, str], seed: int = 0) -> Iterator[Session]:
    """Inject the rules until the block ends; after it, no call is changed any more.

    ``functions``: the name that rules use -> physical name.
    """
    wanted = {
        "rules": [rule.model_dump(exclude_unset=True) for rule in rules],
        "functions": {physical: name for name, physical in functions.items()},
        "seed": seed,
    }
    session = Session([Counts() for _ in rules])

    def renew(counts: list[dict[str, int]]) -> None:
        session.counts = [Counts(**each) for each in counts]

    with held.opened(endpoint_url, FAULTS_PATH, wanted, renew) as session.ended:
        yield session
