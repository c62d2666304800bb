"""Run probes within their time limits, several at once, and say how each ended."""

import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from conformance import limits
from conformance.account import UNSUPPORTED, Account
from conformance.environment import Environment
from conformance.limits import Limit, Stopped
from conformance.probe import CannotTry, Differs, Kind, Probe
from conformance.results import Result, Verdict
from deployer.aws import service_errors

REMOVAL_SECONDS = 900
"""Time limit of the removal of what one probe has made."""
_HERE = str(Path(__file__).parent)


def run_all(
    probes: Iterable[Probe],
    account: Account,
    environment: Environment | None,
    jobs: int,
    on_result: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """Run the probes; those that write to the environment one after the other.

    An interruption ends the probes that run; they remove what they have made. A second one leaves it.
    """
    interrupted, ended = threading.Event(), queue.SimpleQueue[Result]()
    chosen = list(probes)
    writing = [probe for probe in chosen if probe.kind is Kind.WRITES]
    lanes = [writing] * bool(writing) + [[probe] for probe in chosen if probe.kind is not Kind.WRITES]

    def follow(lane: list[Probe]) -> None:
        for probe in lane:
            ended.put(run(probe, account, environment, interrupted))

    results: list[Result] = []
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="probe")
    try:
        for lane in lanes:
            pool.submit(follow, lane)
        while len(results) < len(chosen):
            try:
                results.append(_next(ended))
                on_result(results[-1])
            except KeyboardInterrupt:
                if interrupted.is_set():
                    raise
                interrupted.set()
        if interrupted.is_set():
            raise KeyboardInterrupt
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return results


def _next(ended: "queue.SimpleQueue[Result]") -> Result:
    """Wait in short steps: an endless wait for a queue does not notice signals everywhere."""
    while True:
        try:
            return ended.get(timeout=1)
        except queue.Empty:
            continue


def run(
    probe: Probe, account: Account, environment: Environment | None, interrupted: threading.Event | None = None
) -> Result:
    """Run one probe and remove what it has made; what it raises becomes its verdict."""
    started, interrupted = time.monotonic(), interrupted or threading.Event()
    if interrupted.is_set():
        return Result(probe, Verdict.CANNOT, why="interrupted before it began")
    if probe.kind is not Kind.DEPLOYS and environment is None:
        return Result(probe, Verdict.CANNOT, why="the platform is not deployed here")
    of_environment = environment.for_probe() if environment else None
    own = of_environment.account if of_environment else account.for_probe()
    with limits.limited(Limit(probe.kind.seconds, interrupted)):
        result = _tried(probe, own, of_environment)
    return replace(result, left=_removed(own), seconds=time.monotonic() - started)


def _tried(probe: Probe, account: Account, environment: Environment | None) -> Result:
    try:
        if probe.kind is Kind.DEPLOYS:
            probe.run(account, f"{account.mark}-{probe.id.replace('_', '-')}")
        else:
            probe.run(environment)
    except Differs as differs:
        what = f"{differs.what}: " if differs.what else ""
        return Result(probe, Verdict.DIFFERS, expected=f"{what}{differs.expected}", seen=str(differs.seen))
    except (CannotTry, Stopped) as reason:
        verdict = Verdict.CANNOT if isinstance(reason, CannotTry) else Verdict.FAILED
        return Result(probe, verdict, why=str(reason))
    except Exception as error:
        return _unexpected(probe, error)
    return Result(probe, Verdict.HOLDS)


def _unexpected(probe: Probe, error: Exception) -> Result:
    """Return why a probe that raised says nothing: the endpoint refuses a call, or the probe has a bug."""
    message, operation = service_errors.message_of(error), getattr(error, "operation_name", "")
    call = f"{getattr(error, 'service', '')}:{operation}" if operation else type(error).__name__
    unsupported = any(word in message.lower() for word in UNSUPPORTED)
    if service_errors.is_not_implemented(error) or service_errors.is_denied(error) or (operation and unsupported):
        return Result(probe, Verdict.CANNOT, why=f"{call}: {service_errors.code_of(error)}: {message}")
    if explained := service_errors.explain(error):
        message = explained.message
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(_HERE)]
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return Result(probe, Verdict.FAILED, why=f"{call}: {message}{where}")


def _removed(account: Account) -> tuple[str, ...]:
    """Remove what the probe has made; return what is left."""
    try:
        with limits.limited(Limit(REMOVAL_SECONDS)):
            account.made.close()  # runs every removal, and raises what the last one that failed raised
    except Exception as error:
        account.left.append(service_errors.message_of(error))
    return tuple(account.left)
