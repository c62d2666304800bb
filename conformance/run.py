"""Run probes, and say how each ended."""

import time

from conformance.account import Account
from conformance.environment import Environment
from conformance.probe import CannotTry, Differs, Kind, Probe
from conformance.results import Result, Verdict


def run(probe: Probe, account: Account, environment: Environment | None) -> Result:
    """Run one probe; what it raises becomes its verdict."""
    started = time.monotonic()

    def ended(verdict: Verdict, **more: str) -> Result:
        return Result(probe, verdict, time.monotonic() - started, **more)

    try:
        if probe.kind is Kind.DEPLOYS:
            probe.run(account, f"{account.mark}-{probe.id.replace('_', '-')}")
        elif environment is None:
            return ended(Verdict.CANNOT, why="the platform is not deployed here")
        else:
            probe.run(environment)
    except Differs as differs:
        return ended(Verdict.DIFFERS, expected=str(differs.expected), seen=str(differs.seen))
    except CannotTry as reason:
        return ended(Verdict.CANNOT, why=str(reason))
    return ended(Verdict.HOLDS)
