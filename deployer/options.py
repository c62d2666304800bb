"""The options of a run, which can be written as a command line again."""

import shlex
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from deployer import durations

if TYPE_CHECKING:  # it imports pydantic, which --help does without
    from deployer.aws.session import Aws


@dataclass(frozen=True)
class Options:
    """Each command reads its own part; `arguments.parse` refuses options of other commands.

    `command`: its option, such as --status; "" deploys. `since`: seconds of log to read; None is the command's default. `duration`: seconds; None is until Ctrl-C.
    `env`: "" for commands that look at all environments. `like`, `ttl` (seconds): of a preview.
    `output`: text, json or (plans only) markdown.
    """

    env: str = ""
    command: str = ""
    like: str | None = None
    local: bool = False
    local_dir: Path | None = None
    region: str | None = None
    profile: str | None = None
    yes: bool = False
    output: str = "text"
    outputs_file: Path | None = None

    # deploy, --plan, --rollback
    plan: bool = False
    save: Path | None = None
    detailed_exitcode: bool = False
    allow_replace: frozenset[str] = frozenset()
    orders_per_day: int = 3500
    no_rollback: bool = False
    ttl: float | None = None
    ignore_alarms: bool = False
    version: str | None = None

    # --apply, --discard, --import, --faults
    file: Path = Path()

    # --faults
    duration: float | None = None

    # --watch
    debug_function: str | None = None

    # --imported
    day: str = ""

    # --dlq, --redrive
    queue: str = ""

    # --logs
    function: str | None = None
    follow: bool = False
    order: str | None = None
    since: float | None = None

    # --destroy
    delete_data: bool = False
    expired: bool = False

    # --partner-add, --partner-rotate, --partner-subscribe, --partner-unsubscribe, --partner-subscriptions
    partner: str = ""
    tier: str | None = None
    endpoint: str = ""

    # --partner-revoke
    key_id: str = ""

    # --prune
    keep: int = 10

    def at_the_same_place(self, command: str = "", **other) -> "Options":
        """Return the options of another command for the same environment, account and region."""
        return Options(**{name: getattr(self, name) for name in _TARGET}, command=command, **other)

    def command_line(self) -> str:
        """Return the command line that gives these options, quoted for a shell."""
        words = ["python", "deploy.py", *_words("--env", self.env or None)]
        arguments = [getattr(self, name) for name, commands in _ARGUMENTS.items() if self.command in commands]
        if self.command:
            words += _words(self.command, (arguments[0] or None) if arguments else True) or [self.command]
            words += [str(each) for each in arguments[1:]]
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default and field.name not in ("env", "command", *_ARGUMENTS):
                words += _words("--" + field.name.replace("_", "-"), value)
        return shlex.join(words)

    def aws_command(self, aws: "Aws", words: str) -> str:
        """Return an AWS CLI command for this run's region and profile or endpoint. `words`: what follows `aws`."""
        where = ["--region", aws.region]
        if aws.local and aws.endpoint_url:
            where += ["--endpoint-url", aws.endpoint_url]
        elif self.profile:
            where += ["--profile", self.profile]
        return f"aws {words} {shlex.join(where)}"


_TARGET = ("env", "like", "local", "local_dir", "region", "profile")
_ARGUMENTS = {
    "day": ("--imported",),
    "file": ("--apply", "--discard", "--import", "--faults"),
    "function": ("--logs",),
    "key_id": ("--partner-revoke",),
    "partner": (
        "--partner-add",
        "--partner-rotate",
        "--partner-subscribe",
        "--partner-unsubscribe",
        "--partner-subscriptions",
    ),
    "endpoint": ("--partner-subscribe", "--partner-unsubscribe"),
    "queue": ("--dlq", "--redrive"),
    "version": ("--rollback",),
}
"""Fields that are an argument of a command's option, in the order of the command line; all others are options."""


def _words(flag: str, value) -> list[str]:
    """Return an option and its value; with = if the value begins with a hyphen."""
    if isinstance(value, frozenset):
        return [word for each in sorted(value) for word in _words(flag, each)]
    if value is None or isinstance(value, bool):
        return [flag] * bool(value)
    text = f"{durations.text(value)}" if isinstance(value, float) else str(value)
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]
