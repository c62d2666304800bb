"""`python -m conformance --env dev [--local]`: try what the design assumes about AWS on whatever is deployed."""

import argparse
import json
import os
import secrets
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from conformance import (
    arguments,
    estimate,
    leftovers,
    probes,  # noqa: F401  registers them
    removal,
    report,
    witness,
)
from conformance.account import Account
from conformance.environment import Environment
from conformance.probe import PROBES, Kind, Probe
from conformance.results import Result, Verdict, counts
from conformance.run import run_all
from deployer import connection, streams
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.commands.interruptions import terminable
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.preflight import account_state
from deployer.show.ui import Ui, ask, can_ask
from deployer.stacks import outputs

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "conformance.md"
WAIT_FACTOR, WAIT_FACTOR_OF_AWS = 5, 60


def main(given: Sequence[str] | None = None) -> int:
    """Return the exit code; an error is one line on standard error."""
    with streams.standard() as out:
        code = _ended(arguments.parser().parse_args(given))
        out.flush()
        if out.problem:
            complain(Failure(Exit.FAILED, f"output is lost: standard output cannot be written ({out.problem})"))
    return code or int(Exit.FAILED if out.problem else Exit.OK)


def _ended(options: argparse.Namespace) -> int:
    ui = Ui(sys.stdout if options.output == "text" else sys.stderr)
    try:
        with terminable():
            return int(_run(options, ui))
    except (Exception, KeyboardInterrupt) as error:
        return complain(failure_of(error))


def complain(failure: Failure) -> int:
    """Write what went wrong to standard error; return the exit code."""
    hint = [f"  {failure.hint}"] if failure.hint else []
    print(f"conformance: {failure.message}", *hint, sep="\n", file=sys.stderr)
    return int(failure.code)


def failure_of(error: BaseException) -> Failure:
    if isinstance(error, Failure):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Failure(Exit.INTERRUPTED, "interrupted", "--clean removes what was left, if anything")
    if isinstance(error, OSError) and error.filename:
        return Failure(Exit.FAILED, f"{error.filename}: {error.strerror}")
    explained = service_errors.explain(error)
    return explained or Failure(Exit.BUG, f"unexpected {type(error).__name__}: {error}", "run it with python -X dev")


def _run(options: argparse.Namespace, ui: Ui) -> Exit:
    if options.write:
        return _write(ui)
    chosen = arguments.chosen(PROBES, options.only)
    if options.list:
        return _list(chosen, ui)
    if not options.env:
        raise Failure(Exit.USAGE, "--env is missing", "--env dev, with --local for the emulator on this machine")
    where = Options(
        env=options.env,
        local=options.local,
        local_dir=options.local_dir,
        region=options.region,
        profile=options.profile,
    )
    settings = connection.load_environment(where)
    aws = connection.connect(ui, settings, where, ROOT)
    account = Account(aws, f"{removal.PREFIX}{secrets.token_hex(4)}", WAIT_FACTOR)
    account.wait_factor = WAIT_FACTOR if account.emulated_at else WAIT_FACTOR_OF_AWS
    if options.clean:
        return _clean(account, options, ui)
    caller = account.client("sts").get_caller_identity()
    account_state.check_account(settings, caller["Account"], caller["Arn"])
    allowed, forbidden = arguments.permitted(chosen, settings, options.local)
    _announce(allowed, account, options, ui)
    environment = _deployed(aws, settings, account, ui)
    results = [
        Result(probe, Verdict.CANNOT, why=f"{options.env} retains its data: probes only read") for probe in forbidden
    ]
    with account.made:
        results += run_all(allowed, account, environment, options.jobs, lambda result: _show(result, ui))
    return _finish(results, account, options, ui)


def _deployed(aws: Aws, settings, account: Account, ui: Ui) -> Environment | None:
    """Return the deployed platform; None, with a message, if it is not deployed."""
    try:
        stack = account_state.deployed(aws, settings)
    except Failure as failure:
        ui.line(f"{failure.message}: only probes that deploy stacks of their own can be tried")
        return None
    return Environment(account, settings, outputs.usable(aws, stack))


def _announce(chosen: list[Probe], account: Account, options: argparse.Namespace, ui: Ui) -> None:
    """Say what the run does and costs, and ask. Raises Failure(REFUSED)."""
    kinds = Counter(probe.kind for probe in chosen)
    for kind, number in kinds.items():
        ui.line(f"{number} probe{'s' * (number != 1)}: {kind.description}")
    if any(kind is not Kind.READS for kind in kinds):
        ui.line(f"What they make is named {account.mark}-…, is tagged, and is removed at the end; metrics expire.")
        if left := leftovers.of_earlier_runs(account):
            ui.warn(f"{len(left)} left by earlier runs, such as {next(iter(left))}: --clean removes them")
    if account.emulated_at:
        return
    price, minutes = estimate.usd(chosen), estimate.minutes(chosen, options.jobs)
    ui.line(f"Estimate: {price:.2f} USD and {minutes} minutes, at most, with {options.jobs} probes at once.")
    _confirm(f"Run them in account {account.id}, {account.aws.region}?", options.yes)


def _confirm(question: str, yes: bool) -> None:
    if yes:
        return
    if not can_ask():
        raise Failure(Exit.REFUSED, "confirmation required, but stdin is not a terminal", "use --yes")
    if not ask(question):
        raise Failure(Exit.REFUSED, "not confirmed: nothing was tried")


def _show(result: Result, ui: Ui) -> None:
    mark = {Verdict.HOLDS: ui.ok, Verdict.CANNOT: "-"}.get(result.verdict, ui.bad)
    ui.line(f"{mark} {result.probe.id}: {result.verdict.value} ({result.seconds:.1f} s)")
    if result.verdict is Verdict.DIFFERS:
        ui.line(f"    expected  {result.expected}")
        ui.line(f"    seen      {result.seen}")
    elif result.why:
        ui.line(f"    {result.why}")
    for each in result.left:
        ui.warn(f"  left: {each}")


def _finish(results: list[Result], account: Account, options: argparse.Namespace, ui: Ui) -> Exit:
    counted = counts(results)
    ui.line(", ".join(f"{number} {verdict}" for verdict, number in counted.items() if number))
    name = options.witness or witness.name_of(account)
    found = {result.probe.id: {**result.as_json(), "seconds": round(result.seconds, 1)} for result in results}
    if options.output == "json":
        print(json.dumps({"witness": name, "counts": counted, "results": found}, indent=2, ensure_ascii=False))
    elif options.output == "markdown":
        print(report.run_table([result.probe for result in results], {r.probe.id: r.as_json() for r in results}))
    if options.record:  # at the end: what cannot be written has been shown
        file = witness.record(name, account, results)
        ui.line(f"{file.relative_to(ROOT)} has the results.")
        _write(ui)
    bad = any(result.verdict in (Verdict.DIFFERS, Verdict.FAILED) or result.left for result in results)
    return Exit.FAILED if bad else Exit.OK


def _list(chosen: list[Probe], ui: Ui) -> Exit:
    for probe in sorted(chosen, key=lambda each: (each.area, each.id)):
        ui.line(f"{probe.area}: {probe.id} ({probe.kind.name.lower()})")
        ui.line(f"    {probe.sentence}")
        ui.line(f"    {', '.join(probe.relies)}")
    return Exit.OK


def _clean(account: Account, options: argparse.Namespace, ui: Ui) -> Exit:
    left = leftovers.of_earlier_runs(account)
    for each in left:
        ui.line(each)
    if not left:
        ui.line("Nothing is left by earlier runs.")
        return Exit.OK
    if not account.emulated_at:
        _confirm(f"Remove these {len(left)}? A run in progress would lose its own.", options.yes)
    for remove in left.values():
        remove()
    account.made.close()
    for each in account.left:
        ui.warn(each)
    ui.line(f"{len(left) - len(account.left)} removed")
    return Exit.FAILED if account.left else Exit.OK


def _write(ui: Ui) -> Exit:
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(report.with_results(text, PROBES, witness.recorded()), encoding="utf-8")
    ui.line(f"{DOCUMENT.relative_to(ROOT)} is written.")
    return Exit.OK


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # after a second Ctrl-C, probes may still be running
