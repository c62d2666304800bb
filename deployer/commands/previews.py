"""Previews: environments without a file, which are like one that has a file, and expire if --ttl was given."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from config import names, previews
from config.environment import Environment, available
from deployer import connection, durations
from deployer.commands.context import Context
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import preview_records, reading
from deployer.stacks.preview_records import UNREADABLE, Preview


def resolved(options: Options, ui: Ui, root: Path) -> Options:
    """Return the options with the `like` that a preview was deployed with, unless it is given.

    A name that cannot be a preview's is refused later, without a call. Raises Failure(USAGE) for an unknown preview.
    """
    if options.like or not previews.is_name(options.env, available()):
        return options
    home = connection.load_home(options)
    aws = connection.connect(Ui(StringIO()), home, options, root)  # the command connects again, and shows it
    with ui.step("Preview") as step:
        account = aws.client("sts").get_caller_identity()["Account"]
        found = preview_records.read(aws, account, options.env)
        if found and found != UNREADABLE:
            step.result = _words(found)
            return replace(options, like=found.like)
        stack = reading.describe(aws, names.root_stack(options.env))
        if options.command == "--destroy" and not found and _may_be_ours(stack, options.env):
            step.result = "no record"
            return replace(options, like=home.name)  # a deletion needs no settings
        if found:
            raise _unreadable(options.env)
        raise Failure(
            Exit.USAGE,
            f"there is no environment {options.env!r}: no file in environments/, and no record of a preview in "
            f"account {account}, {aws.region}{aws.elsewhere}",
            "add --like with the environment whose settings it has, as for a new preview: "
            f"python deploy.py --env {options.env} --like {home.name} --ttl 3d",
        )


def check_owner(options: Options, stack: Mapping[str, Any] | None) -> None:
    """Raise Failure(PREFLIGHT) if another project has the stack that the name of a preview leads to."""
    if options.like and not _may_be_ours(stack, options.env):
        raise Failure(
            Exit.PREFLIGHT,
            f"stack {names.root_stack(options.env)} lacks the tags of this project, so it is not a preview",
            "choose another name",
        )


def _may_be_ours(stack: Mapping[str, Any] | None, environment: str) -> bool:
    return stack is None or reading.status_of(stack).is_new or reading.is_ours(stack, environment)


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
    """Record a preview, before its first resource exists; --ttl sets the expiry anew, without it the expiry stays."""
    options, environment = context.options, context.environment.name
    if not options.like:
        return
    known = preview_records.read(context.aws, context.account, environment)
    if known == UNREADABLE:
        raise _unreadable(environment)
    now = datetime.now(UTC)
    preview = replace(known or Preview("", None, context.caller), like=options.like)
    if options.ttl:
        expires = now + timedelta(seconds=options.ttl)
        preview = replace(preview, expires=expires.isoformat(timespec="seconds"))
    if preview != known:
        preview_records.write(context.aws, context.account, environment, preview)
    context.ui.line(f"{context.ui.ok} Preview    {_words(preview)}")
    if preview.has_expired(now):
        context.ui.warn("it has expired, and --destroy --expired deletes it with its data: renew it with --ttl")


def _words(preview: Preview) -> str:
    expires = f"{preview.expiry.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if preview.expiry else "never"
    return f"like {preview.like}, expires {expires}"


def _unreadable(environment: str) -> Failure:
    return Failure(
        Exit.PREFLIGHT,
        f"{preview_records.key(environment)} in the artifact bucket cannot be read by this version",
        "update this version, or delete that object and deploy with --like",
    )
