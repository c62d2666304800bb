"""The command line: commands, their options and the help."""

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from deployer import durations
from deployer.errors import MEANING
from deployer.options import Options

SHELLS = ("bash", "zsh", "fish")

_DEPLOYING = frozenset({"yes", "allow_replace", "orders_per_day", "outputs_file", "plan"})


@dataclass(frozen=True)
class Command:
    """A command of deploy.py.

    `flag`: the option that selects it; "" deploys. `module`: the module of its `function`.
    `companions`: options that it reads, beyond those of the groups "where" and "output".
    `writes`: it writes to standard output; messages go to standard error, so that a shell can capture the former.
    """

    flag: str
    module: str
    function: str = "run"
    companions: frozenset[str] = frozenset()
    writes: bool = False

    @property
    def key(self) -> str:
        return _key(self.flag)


COMMANDS = (
    Command("", "deployer.commands.deploy", companions=_DEPLOYING | {"no_rollback", "detailed_exitcode"}),
    Command("--rollback", "deployer.commands.rollback", companions=_DEPLOYING | {"detailed_exitcode"}),
    Command("--status", "operations.status.command"),
    Command("--history", "deployer.commands.history"),
    Command("--drift", "deployer.commands.drift", companions=frozenset({"detailed_exitcode"})),
    Command("--outputs", "deployer.commands.show_outputs", companions=frozenset({"outputs_file"})),
    Command("--api-key", "deployer.commands.api_key", writes=True),
    Command("--logs", "operations.logs.command", companions=frozenset({"follow", "order", "since"}), writes=True),
    Command("--smoke", "operations.smoke.command"),
    Command("--destroy", "deployer.commands.destroy.command", companions=frozenset({"yes", "delete_data", "plan"})),
    Command("--import", "operations.imports.command"),
    Command("--imported", "operations.imports.day"),
    Command("--dlq", "operations.queues.command", "show"),
    Command("--faults", "operations.faults.command", companions=frozenset({"duration"})),
    Command("--redrive", "operations.queues.command", "redrive_queue", companions=frozenset({"yes"})),
)
_ANYWHERE = frozenset({"env", "local", "local_dir", "region", "profile", "output", "debug"})

_EXAMPLES = """\
examples:
  python deploy.py --env dev --local           deploy to the emulator on this machine (starts it if needed)
  python deploy.py --env dev --plan            show what would change, its risks and cost; deploy nothing
  python deploy.py --env prod --profile ops    deploy to AWS; shows the changes, then asks
  python deploy.py --env prod --yes --outputs-file outputs.json       in a pipeline
  python deploy.py --env prod --logs --order fd-…                     trace one order
  KEY=$(python deploy.py --env dev --api-key)

Each command with an example and its output: docs/commands.md

exit codes:
"""


def parser() -> argparse.ArgumentParser:
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
    group.add_argument("--yes", action="store_true", help="answer every question with yes")
    group.add_argument(
        "--allow-replace",
        action="append",
        metavar="LOGICAL_ID",
        help="allow the replacement or deletion of this table, bucket or queue, with its data (repeatable)",
    )
    group.add_argument(
        "--orders-per-day",
        type=_orders,
        metavar="N",
        help=f"load of the cost estimate (default: {_DEFAULTS['orders_per_day']})",
    )
    group.add_argument("--no-rollback", action="store_true", help="keep the failed state for debugging; not in prod")
    group.add_argument(
        "--detailed-exitcode", action="store_true", help="with --plan, --drift: exit 0 without differences, 2 with some"
    )
    group.add_argument("--outputs-file", type=Path, metavar="FILE", help="write the stack's outputs as JSON")


def _looking(group) -> None:
    group.add_argument("--status", action="store_true", help="stacks, version, alarms, dead letters, last known drift")
    group.add_argument("--history", action="store_true", help="list deployments: when, by whom, which commit")
    group.add_argument("--drift", action="store_true", help="detect changes made outside CloudFormation, in all stacks")
    group.add_argument("--outputs", action="store_true", help="show the stack's outputs")
    group.add_argument("--api-key", action="store_true", help="print the API key's value and nothing else")
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


def _where(group) -> None:
    group.add_argument("--env", metavar="NAME", help="environment: a file in environments/, such as dev")
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


_DEFAULTS = {field.name: field.default for field in fields(Options)}


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


def _orders(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"must be a non-negative integer, not {text!r}")
    return int(text)


def parse(arguments: list[str] | None) -> tuple[argparse.Namespace, Command | None]:
    """Return the options and their command: None for --stop, --completion and --version. Exits on misuse."""
    top = parser()
    options, unknown = top.parse_known_args(arguments)
    if unknown:
        top.error(_unknown(top, unknown[0]))
    if options.completion or options.version:
        return options, None
    commands = [command for command in COMMANDS if command.flag and _given(options, command.key)]
    if options.stop:
        meant, companions = "--stop", frozenset({"stop"})
    elif len(commands) > 1:
        top.error(f"{_listed(command.flag for command in commands)} do not go together")
    else:
        command = commands[0] if commands else COMMANDS[0]
        meant, companions = command.flag, command.companions | {command.key}
    strange = [key for key in vars(options) if _given(options, key) and key not in companions | _ANYWHERE]
    if strange:
        top.error(_misplaced(meant, strange))
    if options.detailed_exitcode and not (options.plan or options.drift):
        top.error("--detailed-exitcode goes with --plan or --drift")
    if options.output == "markdown" and not options.plan:
        top.error("--output markdown goes with --plan")
    if options.stop:
        return options, None
    if not options.env:
        top.error("--env is needed: the environment, such as --env dev")
    return options, command


def wanted(options: argparse.Namespace) -> Options:
    """Return the options of the command line over the defaults of Options."""
    names = {"day": "imported", "function": "logs", "version": "rollback"}
    given = {name: getattr(options, names.get(name, name), None) for name in _DEFAULTS}
    given["queue"] = options.dlq or options.redrive
    given["file"] = getattr(options, "import") or options.faults
    given["command"] = next((each.flag for each in COMMANDS if each.flag and _given(options, each.key)), "")
    given["allow_replace"] = frozenset(options.allow_replace or ())
    return Options(**{name: value for name, value in given.items() if value not in (None, "")})


def _given(options: argparse.Namespace, key: str) -> bool:
    return getattr(options, key) not in (None, False)


def _unknown(top: argparse.ArgumentParser, word: str) -> str:
    """Refuse a word that is no option, with the option that is spelt like it."""
    if not word.startswith("-"):
        return f"unexpected argument {word!r}: options begin with --"
    flag = word.partition("=")[0]
    close = get_close_matches(flag, [flag for action in top._actions for flag in action.option_strings], n=1)
    return f"there is no option {flag}" + (f"; did you mean {close[0]}?" if close else "; see --help")


def _misplaced(meant: str, strange: list[str]) -> str:
    """Name the options that the command does not take, or the commands that take them."""
    if meant:
        return f"{_listed([meant, *map(_flag, strange)])} do not go together"
    homes = [command.flag for command in COMMANDS if strange[0] in command.companions]
    return f"{_flag(strange[0])} goes with {' or '.join(homes) or '--local --stop'}"


def _listed(flags: Iterable[str]) -> str:
    return " and ".join(flags)


def _key(flag: str) -> str:
    return flag.lstrip("-").replace("-", "_")


def _flag(key: str) -> str:
    return "--" + key.replace("_", "-")
