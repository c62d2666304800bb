"""The argument parser of deploy.py: every option, its group and its help."""

import argparse
from dataclasses import fields
from datetime import date
from pathlib import Path

from contract.partners import TIERS
from deployer import durations
from deployer.errors import MEANING
from deployer.options import Options

SHELLS = ("bash", "zsh", "fish")

DEFAULTS = {field.name: field.default for field in fields(Options)}

_EXAMPLES = """\
examples:
  python deploy.py --env dev --local           deploy to the emulator on this machine (starts it if needed)
  python deploy.py --env dev --plan            show what would change, its risks and cost; deploy nothing
  python deploy.py --env prod --profile ops    deploy to AWS; shows the changes, then asks
  python deploy.py --env prod --yes --outputs-file outputs.json       in a pipeline
  python deploy.py --env prod --logs --order fd-…                     trace one order
  python deploy.py --env pr-123 --like dev --ttl 3d --yes             deploy a preview for a pull request
  KEY=$(python deploy.py --env dev --api-key)

Each command with an example and its output: docs/commands.md

exit codes:
"""


def build() -> argparse.ArgumentParser:
    codes = "\n".join(f"  {code:>3}  {text}" for code, text in MEANING.items())
    top = argparse.ArgumentParser(
        prog="deploy.py",
        usage="python deploy.py --env NAME [command] [options]",
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=30, width=110),
        epilog=_EXAMPLES + codes,
        allow_abbrev=False,
        add_help=False,
        description="Deploy the platform as one nested CloudFormation change set, and operate what is deployed.",
    )
    _deploying(top.add_argument_group("deploy (without any other command)"))
    _looking(top.add_argument_group("look at what is deployed"))
    _acting(top.add_argument_group("act on what is deployed"))
    _where(top.add_argument_group("where"))
    _showing(top.add_argument_group("output"))
    return top


def _deploying(group) -> None:
    group.add_argument(
        "--plan", action="store_true", help="show all that would change, its risks and cost; deploy nothing"
    )
    group.add_argument("--save", type=Path, metavar="FILE", help="with --plan: keep the change set, for --apply FILE")
    group.add_argument("--apply", type=Path, metavar="FILE", help="deploy exactly the saved plan, or refuse")
    group.add_argument("--discard", type=Path, metavar="FILE", help="delete the change set of a saved plan")
    group.add_argument("--yes", action="store_true", help="answer every question with yes")
    group.add_argument(
        "--allow-replace",
        action="append",
        metavar="LOGICAL_ID",
        help="allow the replacement or deletion of this table, bucket, queue, topic or usage plan (repeatable)",
    )
    group.add_argument(
        "--orders-per-day",
        type=_orders,
        metavar="N",
        help=f"load of the cost estimate (default: {DEFAULTS['orders_per_day']})",
    )
    group.add_argument("--no-rollback", action="store_true", help="keep the failed state for debugging; not in prod")
    group.add_argument(
        "--ignore-alarms", action="store_true", help="deploy while an alarm is in ALARM; it rolls nothing back"
    )
    group.add_argument(
        "--detailed-exitcode", action="store_true", help="with --plan, --drift: exit 0 without differences, 2 with some"
    )
    group.add_argument(
        "--ttl", type=_seconds, metavar="TIME", help="with a preview: when it expires from now, as 12h, 3d"
    )
    group.add_argument("--outputs-file", type=Path, metavar="FILE", help="write the stack's outputs as JSON")


def _looking(group) -> None:
    group.add_argument(
        "--environments", action="store_true", help="list all environments: owner, age, expiry, version, cost"
    )
    group.add_argument("--status", action="store_true", help="stacks, version, alarms, dead letters, last known drift")
    group.add_argument("--history", action="store_true", help="list deployments: when, by whom, which commit")
    group.add_argument("--drift", action="store_true", help="detect changes made outside CloudFormation, in all stacks")
    group.add_argument("--outputs", action="store_true", help="show the stack's outputs")
    group.add_argument("--api-key", action="store_true", help="print the API key's value and nothing else")
    group.add_argument("--partners", action="store_true", help="list partners and their API keys, never a value")
    group.add_argument(
        "--partner-subscriptions",
        nargs="?",
        const="",
        metavar="NAME",
        help="list the subscriptions of order events, of one partner or all, with filter and state",
    )
    group.add_argument(
        "--logs",
        nargs="?",
        const="",
        metavar="FUNCTION",
        help="show the logs of one function, or of all, merged by time",
    )
    group.add_argument("--follow", action="store_true", help="with --logs: print new lines until Ctrl-C")
    group.add_argument("--order", metavar="ID", help="with --logs: lines of this order only")
    group.add_argument(
        "--since",
        type=_seconds,
        metavar="TIME",
        help="with --logs: how far back, as 30s, 10m, 1h30m (default: 10m; with --order 1d)",
    )
    group.add_argument(
        "--imported", type=_day, metavar="DAY", help="stored orders of the files of a day (UTC), such as 2026-11-28"
    )
    group.add_argument(
        "--dlq", metavar="QUEUE", help="show the messages of a dead-letter queue and their reasons; none is removed"
    )


def _acting(group) -> None:
    group.add_argument(
        "--smoke", action="store_true", help="place a marked test order by each ingestion path and verify it"
    )
    group.add_argument(
        "--import", type=Path, metavar="FILE", help="upload a file of orders, wait for its report and show it"
    )
    group.add_argument(
        "--watch", action="store_true", help="with --local: deploy, then bring each saved file into the functions"
    )
    group.add_argument(
        "--debug-function", metavar="FUNCTION", help="with --watch: run this function under a debugger, which attaches"
    )
    group.add_argument(
        "--hotswap", action="store_true", help="replace the functions' code only, outside CloudFormation; not in prod"
    )
    group.add_argument(
        "--faults", type=Path, metavar="FILE", help="with --local: make calls of functions slow or fail, by rules"
    )
    group.add_argument(
        "--duration", type=_seconds, metavar="TIME", help="with --faults: how long, as 30s, 10m (default: until Ctrl-C)"
    )
    group.add_argument("--redrive", metavar="QUEUE", help="send dead letters back to their queue or function")
    group.add_argument(
        "--rollback",
        nargs="?",
        const="",
        metavar="VERSION",
        help="deploy an earlier version again (default: the one before)",
    )
    group.add_argument(
        "--destroy", action="store_true", help="delete the environment; data is retained, or the deletion is refused"
    )
    group.add_argument(
        "--delete-data", action="store_true", help="with --destroy: delete the data as well, irrevocably"
    )
    group.add_argument(
        "--expired", action="store_true", help="with --destroy: every preview that is past its --ttl, with its data"
    )
    group.add_argument("--partner-add", metavar="NAME", help="give a new partner an API key; print its value, once")
    group.add_argument(
        "--partner-rotate", metavar="NAME", help="give a partner a second API key; the first stays valid"
    )
    group.add_argument("--partner-revoke", metavar="KEY_ID", help="delete an API key of a partner")
    group.add_argument(
        "--tier",
        choices=(*TIERS,),
        help="with --partner-add, --partner-rotate: the usage plan of the key (default: standard, or that of the first)",
    )
    group.add_argument(
        "--partner-subscribe",
        nargs=2,
        metavar=("NAME", "URL|ARN"),
        help="send a partner the events of its own orders: to an HTTPS endpoint or an SQS queue",
    )
    group.add_argument(
        "--partner-unsubscribe",
        nargs=2,
        metavar=("NAME", "URL|ARN"),
        help="stop that; ARN may be the subscription's",
    )
    group.add_argument(
        "--prune", action="store_true", help="delete artifacts and function versions that no kept version needs"
    )
    group.add_argument(
        "--keep",
        type=_versions,
        metavar="N",
        help=f"with --prune: versions of each environment to keep (default: {DEFAULTS['keep']})",
    )


def _where(group) -> None:
    group.add_argument("--env", metavar="NAME", help="environment: a file in environments/, such as dev, or a preview")
    group.add_argument(
        "--like", metavar="NAME", help="make --env a preview, such as pr-123: it has no file, but this environment's"
    )
    group.add_argument("--local", action="store_true", help="use the emulator on this machine; needs no account")
    group.add_argument("--local-dir", type=Path, metavar="DIR", help="the emulator's state (default: .local/emulator)")
    group.add_argument("--stop", action="store_true", help="with --local: stop the emulator and do nothing else")
    group.add_argument("--region", metavar="NAME", help="AWS Region (default: the environment's)")
    group.add_argument("--profile", metavar="NAME", help="AWS profile (default: the credential chain)")


def _showing(group) -> None:
    group.add_argument(
        "--output",
        choices=("text", "json", "markdown"),
        default="text",
        metavar="FORMAT",
        help="text, json, or markdown with --plan: a document on stdout, all else on stderr (default: text)",
    )
    group.add_argument("--debug", action="store_true", help="show the traceback of an error")
    group.add_argument("--completion", choices=SHELLS, help="print a completion script for this shell")
    group.add_argument("--version", action="store_true", help="the version of this project, and the commit")
    group.add_argument("-h", "--help", action="help", help="show this help and exit")


def _seconds(text: str) -> float:
    try:
        return durations.seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _day(text: str) -> str:
    try:
        if str(date.fromisoformat(text)) == text:
            return text
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"must be a day such as 2026-11-28, not {text!r}")


def _versions(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"must be a positive integer, not {text!r}")
    return int(text)


def _orders(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"must be a non-negative integer, not {text!r}")
    return int(text)
