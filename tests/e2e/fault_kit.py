"""Inject faults into the calls of a deployment's functions, as `deploy.py --faults` does."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from emulator.faults import session
from emulator.faults.rules import Rule
from operations.logs import groups
from tests.e2e.support import Deployment

HELD = {"kind": "latency", "milliseconds": 900_000}
"""Calls that match wait until the rules are replaced."""
OBSERVED = {"kind": "latency", "milliseconds": 1}
"""Calls that match are only counted."""


class Faults:
    """Faults that can be replaced. `seen`: calls that rules matched since the start; `waiting`: those that wait now."""

    def __init__(self, deployment: Deployment) -> None:
        self._endpoint, self._functions = deployment.outputs["EndpointUrl"], groups.functions(deployment.outputs)
        self._current = ExitStack()
        self._sessions: list[session.Session] = []

    def inject(self, *rules: Rule) -> None:
        """Replace the rules. Without any, all calls succeed again, and those that wait go on."""
        self._current.close()
        if rules:
            self._sessions.append(self._current.enter_context(session.inject(self._endpoint, rules, self._functions)))

    @property
    def seen(self) -> int:
        return sum(counts.matched for each in self._sessions for counts in each.counts)

    @property
    def waiting(self) -> int:
        return sum(counts.waiting for each in self._sessions[-1:] for counts in each.counts)


@contextmanager
def faults_in(deployment: Deployment) -> Iterator[Faults]:
    """Faults that end with the block."""
    faults = Faults(deployment)
    try:
        yield faults
    finally:
        faults.inject()
