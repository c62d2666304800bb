"""Previews: environments without a file, which are like one that has a file, and expire if --ttl was given."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config import names, previews
from config.environment import Environment, available
from deployer import connection, durations
from deployer.commands.context import Context
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import preview_records, reading
from deployer.stacks.preview_records import Preview, Unreadable


def resolved(options: Options, ui: Ui, root: Path) -> Options:
    """Return the options with the `like` that a preview was deployed with, unless it is given.

    A misspelt name of an environment has no hyphen and is refused later, without a call. Raises Failure(USAGE).
    """
    if options.like or options.env in available() or not previews.is_name(options.env):
        return options
    home = connection.load_home(options)
    aws = connection.connect(ui, home, options, root)
    with ui.step("Preview") as step:
        account = aws.client("sts").get_caller_identity()["Account"]
        found = preview_records.read(aws, account, options.env)
        if isinstance(found, Preview):
            step.result = f"{options.env}, {_words(found)}"
            return replace(options, like=found.like, region=options.region or aws.region)
        stack = reading.describe(aws, names.root_stack(options.env))
        ours = stack is None or reading.status_of(stack).is_new or reading.is_ours(stack, options.env)
        if options.command == "--destroy" and ours:  # which needs no settings
            step.result = f"{options.env}, without a record"
            return replace(options, like=home.name, region=options.region or aws.region)
    command = f"python deploy.py --env {options.env} --like {home.name} --ttl 3d"
    raise Failure(
        Exit.USAGE,
        f"there is no environment {options.env!r}: no file in environments/, and "
        + (f"{found.location} cannot be read by this version" if found else f"no record of a preview {_place(aws, account)}"),
        f"add --like and the environment whose settings it has; a new preview: {command}",
    )


def check(environment: Environment, options: Options) -> None:
    """Raise Failure(USAGE) for an expiry of an environment with a file, (REFUSED) for a preview that could not be deleted."""
    if not options.like:
        if options.ttl:
            raise Failure(
                Exit.USAGE,
                f"--ttl is for a preview; {environment.name} has a file in environments/ and never expires",
                f"a preview: python deploy.py --env pr-123 --like {environment.name} --ttl {durations.text(options.ttl)}",
            )
    elif environment.data.retention == "Retain" or environment.data.deletion_protection:
        raise Failure(
            Exit.REFUSED,
            f"environments/{options.like}.toml retains or protects its data, so a preview like it could not be deleted",
            "choose an environment with data.retention = Delete and data.deletion_protection = false",
        )


def record(context: Context) -> None:
    """Record a preview before its first resource exists; --ttl renews the expiry, else it stays."""
    options, environment = context.options, context.environment.name
    if not options.like:
        return
    known = preview_records.read(context.aws, context.account, environment)
    if isinstance(known, Unreadable):
        raise Failure(
            Exit.PREFLIGHT, f"{known.location} cannot be read by this version", "update this version, or delete the object"
        )
    now = datetime.now(UTC)
    expires = known.expires if known else None
    if options.ttl:
        expires = (now + timedelta(seconds=options.ttl)).isoformat(timespec="seconds")
    preview = Preview(options.like, expires, context.caller)
    preview_records.write(context.aws, context.account, environment, preview)
    context.ui.line(f"{context.ui.ok} Preview    {_words(preview)}")
    if preview.expiry and preview.expiry <= now:
        context.ui.warn("it has expired, and --destroy --expired deletes it with its data: renew it with --ttl")


def _words(preview: Preview) -> str:
    expires = f"{preview.expiry.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if preview.expiry else "never"
    return f"like {preview.like}, expires {expires}"
