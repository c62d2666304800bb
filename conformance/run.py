"""Run probes within their time limits, several at once, and say how each ended."""

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
from conformance.limits import Interrupted, Limit, TimedOut
from conformance.probe import CannotTry, Differs, Kind, Probe, in_lanes
from conformance.results import Result, Verdict
from deployer.aws import error_kinds, service_errors
from deployer.aws.error_kinds import ErrorKind

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
    """Run the probes; those of a lane one after the other.

    An interruption, or a result that cannot be shown, ends the probes that run; they remove what they have made. A
    second interruption leaves it.
    """
    interrupted, results = threading.Event(), list[Result]()
    ended: BaseException | None = None
    chosen = list(probes)
    lanes = in_lanes(chosen)

    def follow(lane: list[Probe]) -> None:
        for probe in lane:
            try:
                results.append(run(probe, account, environment, interrupted))
            except BaseException as error:  # SystemExit of a probe ends neither the lane nor the run
                results.append(Result(probe, Verdict.FAILED, why=f"{type(error).__name__}: {error}"))

    def work() -> None:
        with ThreadPoolExecutor(jobs, thread_name_prefix="probe") as pool:
            list(pool.map(follow, lanes))

    # This thread does nothing that a signal could interrupt half-way.
    worker, shown = threading.Thread(target=work, daemon=True), 0
    while shown < len(chosen):
        try:
            if worker.ident is None:
                worker.start()
            worker.join(0.1)
            while shown < len(results):
                shown += 1
                on_result(results[shown - 1])
        except BaseException as error:
            if interrupted.is_set() and isinstance(error, KeyboardInterrupt):
                raise
            interrupted.set()
            ended = ended or error
    if ended:
        raise ended
    return results


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
        result = _without_secrets(_tried(probe, own, of_environment), of_environment)
    return replace(result, left=_removed(own), seconds=time.monotonic() - started)


def _without_secrets(result: Result, environment: Environment | None) -> Result:
    """Return the result without the API key, if the probe has read it."""
    key = vars(environment).get("api_key") if environment else None
    if not key:
        return result
    texts = {name: getattr(result, name).replace(key, "(secret)") for name in ("expected", "seen", "why")}
    return replace(result, **texts)


def _tried(probe: Probe, account: Account, environment: Environment | None) -> Result:
    try:
        if probe.kind is Kind.DEPLOYS:
            probe.run(account, f"{account.mark}-{probe.id.replace('_', '-')}")
        else:
            probe.run(environment)
    except Differs as differs:
        what = f"{differs.what}: " if differs.what else ""
        return Result(probe, Verdict.DIFFERS, expected=f"{what}{differs.expected}", seen=str(differs.seen))
    except (CannotTry, Interrupted) as reason:
        return Result(probe, Verdict.CANNOT, why=str(reason))
    except TimedOut as reason:
        return Result(probe, Verdict.FAILED, why=str(reason))
    except Exception as error:
        return _unexpected(probe, error, account)
    return Result(probe, Verdict.HOLDS)


def _unexpected(probe: Probe, error: Exception, account: Account) -> Result:
    """Return why a probe that raised says nothing: the endpoint refuses a call, or the probe has a bug."""
    message, operation = service_errors.message_of(error), getattr(error, "operation_name", "")
    call = f"{getattr(error, 'service', '')}:{operation}" if operation else type(error).__name__
    kind, code = error_kinds.kind_of(error), service_errors.code_of(error)
    broken = kind in (ErrorKind.SERVER, ErrorKind.UNUSABLE) and account.emulated_at
    unsupported = operation and any(word in message.lower() for word in UNSUPPORTED)
    if broken or unsupported or kind in (ErrorKind.NOT_IMPLEMENTED, ErrorKind.DENIED):
        return Result(probe, Verdict.CANNOT, why=": ".join(filter(None, (call, code, message))))
    if kind is ErrorKind.REFUSED:
        return Result(probe, Verdict.DIFFERS, expected=f"{call} succeeds", seen=f"{code}: {message}")
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
