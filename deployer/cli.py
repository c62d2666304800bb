"""The entry point of the command line: arguments in, exit code out."""

import argparse
import json
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path

from deployer import arguments, streams
from deployer.arguments import Command
from deployer.errors import Exit, Failure

_OURS = ("config", "contract", "costs", "deployer", "domain", "emulator", "generator", "operations")
ROOT = Path(__file__).resolve().parent.parent


def main(given: list[str] | None = None) -> int:
    """Run the command and return its exit code. Never raises: an error is one line on standard error."""
    with streams.standard() as out:
        options, command = arguments.parse(given)
        out.ends = options.follow  # ends when its reader does
        try:
            code = _ended(options, command)
            out.flush()
        except streams.ClosedPipe:
            return int(Exit.OK)
        if out.problem:
            _complain(Failure(Exit.FAILED, f"output is lost: standard output cannot be written ({out.problem})"))
    return code or int(Exit.FAILED if out.problem else Exit.OK)


def _ended(options: argparse.Namespace, command: Command | None) -> int:
    """Run the command, report its result or failure, and return the exit code."""
    document = options.output != "text"
    try:
        report = _run(options, command, sys.stderr if document or (command and command.writes) else sys.stdout)
    except streams.ClosedPipe:
        raise
    except (Exception, KeyboardInterrupt) as error:
        failure = _failure(error)
        if options.debug:
            traceback.print_exc()
        _complain(failure)
        report = {"result": "failed", "exitCode": int(failure.code), "error": failure.message, "hint": failure.hint}
        report |= failure.report
    if document and not options.follow:  # --follow writes its lines itself
        _print(options, report)
    return int(report.get("exitCode", Exit.OK))


def _run(options: argparse.Namespace, command: Command | None, stream) -> dict:
    if options.completion:
        from deployer import completion  # imports the generator

        print(completion.script(options.completion))
        return {}
    if options.version:
        print(_version())
        return {}
    if command is None:
        return _stop(options, stream)
    # Imported late: --help needs no packages
    from deployer.show.ui import Ui

    try:
        os.getcwd()
    except FileNotFoundError:
        raise Failure(Exit.USAGE, "the working directory does not exist", "change to one that does") from None
    run = getattr(import_module(command.module), command.function)
    with import_module("deployer.commands.interruptions").terminable():
        ui = Ui(stream)
        return run(import_module("deployer.commands.previews").resolved(arguments.wanted(options), ui, ROOT), ui, ROOT)


def _version() -> str:
    """The contract's version, and the commit of a checkout that has one."""
    from contract import VERSION
    from deployer.stacks import deployment_records

    source = deployment_records.local_source(ROOT)
    commit = f" (commit {source.commit[:10]}{', changed since' * source.dirty})" if source.commit else ""
    return f"food-delivery-platform {VERSION}{commit}"


def _stop(options: argparse.Namespace, stream) -> dict:
    from deployer.aws import local

    if not options.local:
        raise Failure(Exit.USAGE, "--stop requires --local: only the emulator can be stopped")
    stopped = local.stop(local.state_directory(ROOT, options.local_dir))
    print("The emulator is stopped; its state is kept." if stopped else "The emulator was not running.", file=stream)
    return {"result": "stopped" if stopped else "not running"}


def _print(options: argparse.Namespace, report: dict) -> None:
    """Print the document; standard output holds nothing else."""
    if options.output == "json":
        print(json.dumps(report, indent=2))
    elif options.output == "markdown" and "markdown" in report:
        print(report["markdown"])


def _failure(error: BaseException) -> Failure:
    """Return the exit code and message of an error."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Failure(Exit.INTERRUPTED, "interrupted", "re-run the command to resume")
    if isinstance(error, SyntaxError) and (unpackable := _unpackable()):
        return unpackable
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] not in _OURS:
        remedy = "rm -r .venv && make setup" if (ROOT / ".venv").exists() else "make setup"
        return Failure(Exit.USAGE, f"the Python package {error.name!r} is not installed; type: {remedy}")
    from deployer.aws import service_errors

    if explained := service_errors.explain(error):
        return explained
    return Failure(Exit.BUG, f"unexpected {type(error).__name__}: {error}", "repeat with --debug to see where")


def _unpackable() -> Failure | None:
    """Find the module of the packages that does not compile: the engine imports some, and an error need not name it."""
    from deployer.artifacts import packaging

    try:
        packaging.functions(ROOT)
    except Failure as failure:
        return failure
    return None


def _complain(failure: Failure) -> None:
    print(f"deploy.py: {failure.message}", file=sys.stderr)
    if failure.hint:
        print(f"  {failure.hint}", file=sys.stderr)
