"""The command line: the commands, and which options go with each."""

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from deployer import argument_parser
from deployer.options import Options

_DEPLOYING = frozenset({"yes", "allow_replace", "orders_per_day", "outputs_file", "plan", "save"})
_DESTROYING = frozenset({"yes", "delete_data", "expired", "plan"})
_SUBSCRIPTIONS = "operations.partners.subscriptions_command"


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
    Command(
        "",
        "deployer.commands.deploy",
        companions=_DEPLOYING | {"no_rollback", "ignore_alarms", "detailed_exitcode", "ttl"},
    ),
    Command("--apply", "deployer.commands.apply", companions=frozenset({"yes", "outputs_file"})),
    Command("--discard", "deployer.commands.apply", "discard"),
    Command("--rollback", "deployer.commands.rollback", companions=_DEPLOYING | {"detailed_exitcode"}),
    Command("--environments", "operations.environments.command", companions=frozenset({"orders_per_day"})),
    Command("--status", "operations.status.command"),
    Command("--history", "deployer.commands.history"),
    Command("--drift", "operations.drift.command", companions=frozenset({"detailed_exitcode"})),
    Command("--outputs", "deployer.commands.show_outputs", companions=frozenset({"outputs_file"})),
    Command("--api-key", "operations.api_key", writes=True),
    Command("--partners", "operations.partners.listing"),
    Command("--partner-subscriptions", _SUBSCRIPTIONS, "show"),
    Command("--logs", "operations.logs.command", companions=frozenset({"follow", "order", "since"}), writes=True),
    Command("--smoke", "operations.smoke.command"),
    Command("--destroy", "operations.destroy.command", companions=_DESTROYING),
    Command("--import", "operations.imports.command"),
    Command("--imported", "operations.imports.day"),
    Command("--dlq", "operations.queues.command", "show"),
    Command("--watch", "operations.development.watch", companions=frozenset({"debug_function"})),
    Command("--hotswap", "operations.development.hotswap", companions=frozenset({"yes"})),
    Command("--faults", "operations.faults.command", companions=frozenset({"duration"})),
    Command("--redrive", "operations.queues.command", "redrive_queue", companions=frozenset({"yes"})),
    Command("--partner-add", "operations.partners.granting", "add", frozenset({"yes", "tier"}), writes=True),
    Command("--partner-rotate", "operations.partners.granting", "rotate", frozenset({"yes", "tier"}), writes=True),
    Command("--partner-revoke", "operations.partners.revoking", companions=frozenset({"yes"})),
    Command("--partner-subscribe", _SUBSCRIPTIONS, "subscribe", companions=frozenset({"yes"})),
    Command("--partner-unsubscribe", _SUBSCRIPTIONS, "unsubscribe", companions=frozenset({"yes"})),
    Command("--prune", "operations.pruning.command", companions=frozenset({"yes", "keep", "plan"})),
)
_EXPIRED = Command("--destroy", "operations.environments.expired", companions=_DESTROYING)
"""In place of --destroy, with --expired."""
_ANYWHERE = frozenset({"env", "like", "local", "local_dir", "region", "profile", "output", "debug"})


def parse(arguments: list[str] | None) -> tuple[argparse.Namespace, Command | None]:
    """Return the options and their command: None for --stop, --completion and --version. Exits on misuse."""
    top = argument_parser.build()
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
    if options.save and not options.plan:
        top.error("--save goes with --plan")
    if options.detailed_exitcode and not (options.plan or options.drift):
        top.error("--detailed-exitcode goes with --plan or --drift")
    if options.output == "markdown" and not options.plan:
        top.error("--output markdown goes with --plan")
    if options.stop:
        return options, None
    if options.expired and options.env:
        top.error("--destroy --expired finds the environments: leave out --env")
    if not (options.env or options.expired or options.environments):
        top.error("--env is needed: the environment, such as --env dev")
    return options, _EXPIRED if options.expired else command


def wanted(options: argparse.Namespace) -> Options:
    """Return the options of the command line over the defaults of Options."""
    names = {"day": "imported", "function": "logs", "version": "rollback"}
    given = {name: getattr(options, names.get(name, name), None) for name in argument_parser.DEFAULTS}
    subscriber = options.partner_subscribe or options.partner_unsubscribe or [options.partner_subscriptions, None]
    given["partner"], given["endpoint"] = subscriber
    given["partner"] = options.partner_add or options.partner_rotate or given["partner"]
    given["key_id"] = options.partner_revoke
    given["queue"] = options.dlq or options.redrive
    given["file"] = getattr(options, "import") or options.faults or options.apply or options.discard
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
