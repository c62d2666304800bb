"""The command line: arguments in, exit code out."""

import argparse
import contextlib
import json
import sys
import traceback
from pathlib import Path

from deployer import durations
from deployer.aws import service_errors
from deployer.errors import MEANING, Exit, Failure

_OURS = ("config", "contract", "deployer", "domain", "emulator", "generator")
ROOT = Path(__file__).resolve().parent.parent

_EXAMPLES = """\
examples:
  python deploy.py --env dev --local           deploy to the emulator on this machine (starts it if needed)
  python deploy.py --local --stop              stop the emulator; its state is kept
  python deploy.py --env dev --plan            what would change in AWS, and nothing else
  python deploy.py --env prod --profile ops    deploy to AWS; shows the changes, then asks
  python deploy.py --env prod --yes --outputs-file outputs.json       in a pipeline

bulk import:
  python deploy.py --env dev --local --import orders.csv              upload it, and tell what became of its orders
  python deploy.py --env prod --import orders.jsonl.gz --output json  the report as a document, for a program

dead-letter queues:
  python deploy.py --env prod --dlq OrderQueueDLQ                     what is in it, and why; nothing is taken out
  python deploy.py --env prod --redrive OrderQueueDLQ                 send it back to its queue; asks first
  python deploy.py --env prod --redrive OrderImportDLQ                have failed imports tried again; asks first

exit codes:
"""


def parser() -> argparse.ArgumentParser:
    codes = "\n".join(f"  {code:>3}  {text}" for code, text in MEANING.items())
    top = argparse.ArgumentParser(
        prog="deploy.py",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_EXAMPLES + codes,
        allow_abbrev=False,
        description="Render, check, package and deploy the platform as one nested CloudFormation change set.",
    )
    what = top.add_argument_group("what to deploy")
    what.add_argument("--env", metavar="NAME", help="environment: a file in environments/, such as dev")
    what.add_argument("--plan", action="store_true", help="show what would change, then stop; leaves nothing behind")
    what.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    what.add_argument(
        "--allow-replace",
        action="append",
        default=[],
        metavar="LOGICAL_ID",
        help="let this table, bucket or queue be replaced or deleted, with its data (repeatable)",
    )
    files = top.add_argument_group("bulk import (instead of deploying)")
    files.add_argument(
        "--import",
        type=Path,
        metavar="FILE",
        help="upload a file of orders (.json, .jsonl, .ndjson or .csv, each also .gz), wait for its report and show it",
    )
    letters = top.add_argument_group("dead-letter queues (instead of deploying)")
    letters.add_argument(
        "--dlq", metavar="QUEUE", help="list what is in it, such as OrderQueueDLQ; bodies with --output json"
    )
    letters.add_argument("--redrive", metavar="QUEUE", help="move its messages back to what they came from")
    after = top.add_argument_group("after deploying (instead of deploying)")
    after.add_argument("--status", action="store_true", help="stacks, version, last drift result, alarms, queues")
    after.add_argument("--drift", action="store_true", help="what was changed behind CloudFormation's back")
    after.add_argument("--detailed-exitcode", action="store_true", help="with --drift: exit code 2 when there is any")
    after.add_argument("--logs", nargs="?", const="", metavar="FUNCTION", help="what the functions say; all or one")
    after.add_argument("--follow", action="store_true", help="with --logs: go on until Ctrl-C")
    after.add_argument("--order", metavar="ID", help="with --logs: one order's story")
    after.add_argument("--since", type=_duration, metavar="DURATION", help="with --logs: 90s, 10m, 2h, 1d")
    after.add_argument("--outputs", action="store_true", help="the root stack's outputs")
    after.add_argument("--api-key", action="store_true", help="the API key's value, alone on stdout")
    where = top.add_argument_group("where")
    where.add_argument("--local", action="store_true", help="to the emulator on this machine, no account needed")
    where.add_argument("--local-dir", type=Path, metavar="DIR", help="the emulator's state (default: .local/emulator)")
    where.add_argument("--stop", action="store_true", help="with --local: stop the emulator and do nothing else")
    where.add_argument("--region", help="instead of the environment's own")
    where.add_argument("--profile", help="AWS profile; default: the ordinary credential chain")
    show = top.add_argument_group("output")
    show.add_argument("--outputs-file", type=Path, metavar="FILE", help="write the stack's outputs as JSON")
    show.add_argument(
        "--output", choices=("text", "json"), default="text", help="json: a document on stdout, progress on stderr"
    )
    show.add_argument("--debug", action="store_true", help="show where an error came from")
    return top


def _duration(text: str) -> float:
    try:
        return durations.seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(arguments: list[str] | None = None) -> int:
    """Never raises: every end is an exit code and, if bad, one line."""
    top = parser()
    options = top.parse_args(arguments)
    if not (options.env or options.stop):
        top.error("--env is needed: the environment to deploy")
    if clash := _clash(options):
        top.error(clash)
    as_json = options.output == "json"
    try:
        data_only = as_json or options.api_key or options.logs is not None
        report = _run(options, sys.stderr if data_only else sys.stdout)
    except (Exception, KeyboardInterrupt) as error:
        failure = _failure(error)
        if options.debug:
            traceback.print_exc()
        _complain(failure)
        report = {"result": "failed", "exitCode": int(failure.code), "error": failure.message, "hint": failure.hint}
    if as_json and report.get("result") != "followed":
        print(json.dumps(report, indent=2))
    return int(report.get("exitCode", Exit.OK))


def _clash(options: argparse.Namespace) -> str | None:
    """What works on queues or files deploys nothing, so nothing that belongs to deploying can go with it."""
    asked = [flag for flag in ("--import", "--dlq", "--redrive") if getattr(options, flag.lstrip("-")) is not None]
    others = ("--plan", "--stop", "--allow-replace", "--outputs-file")
    asked += [flag for flag in others if asked and getattr(options, flag.lstrip("-").replace("-", "_"))]
    return f"{' and '.join(asked)} do not go together" if len(asked) > 1 else None


def _run(options: argparse.Namespace, stream) -> dict:
    if options.stop:
        return _stop(options, stream)
    from deployer.commands import api_key, dead_letter_queues, deploy, drift, import_files, logs, show_outputs, status
    from deployer.commands.options import Options
    from deployer.show import present
    from deployer.show.ui import Ui

    wanted = Options(
        env=options.env,
        local=options.local,
        plan=options.plan,
        yes=options.yes,
        outputs_file=options.outputs_file,
        region=options.region,
        profile=options.profile,
        allow_replace=frozenset(options.allow_replace),
        local_dir=options.local_dir,
        output=options.output,
        detailed_exitcode=options.detailed_exitcode,
        function=options.logs or None,
        follow=options.follow,
        order=options.order,
        since=options.since,
    )
    for asked, command in (
        (options.status, status),
        (options.drift, drift),
        (options.logs is not None, logs),
        (options.outputs, show_outputs),
        (options.api_key, api_key),
    ):
        if asked:
            return command.run(wanted, Ui(stream), ROOT)
    file = getattr(options, "import")
    if file is not None:
        return import_files.run(file, wanted, Ui(stream), ROOT)
    if options.dlq is not None:
        return dead_letter_queues.show(options.dlq, wanted, Ui(stream), ROOT)
    if options.redrive is not None:
        return dead_letter_queues.send_back(options.redrive, wanted, Ui(stream), ROOT)
    result = deploy.run(wanted, Ui(stream), ROOT)
    return {"result": result.kind, "outputs": dict(result.outputs), "changes": present.as_json(result.plan)}


def _stop(options: argparse.Namespace, stream) -> dict:
    from deployer.aws import local

    if not options.local:
        raise Failure(Exit.USAGE, "--stop goes with --local: only the emulator can be stopped")
    stopped = local.stop(local.state_directory(ROOT, options.local_dir))
    print("The emulator is stopped; its state is kept." if stopped else "The emulator was not running.", file=stream)
    return {"result": "stopped" if stopped else "not running"}


def _failure(error: BaseException) -> Failure:
    """Whatever ended the run, as an exit code and one line."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Failure(Exit.INTERRUPTED, "interrupted; no stack was changed")
    if explained := service_errors.explain(error):
        return explained
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] not in _OURS:
        return Failure(
            Exit.USAGE,
            f"the Python package {error.name!r} is not installed",
            "install the project's requirements; see README.md",
        )
    return Failure(Exit.BUG, f"unexpected {type(error).__name__}: {error}", "repeat with --debug to see where")


def _complain(failure: Failure) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(f"deploy.py: {failure.message}", file=sys.stderr)
        if failure.hint:
            print(f"  {failure.hint}", file=sys.stderr)
