"""A failed deployment: the cause first, then what else failed, what state everything is in, and what to type."""

from collections.abc import Iterable
from itertools import groupby

from deployer.commands.options import Options
from deployer.show.ui import Ui
from deployer.stacks.diagnosis import Cause, Diagnosis

_MOST = 5
"""More failures of their own than this are counted, not shown."""


def show(ui: Ui, diagnosis: Diagnosis) -> None:
    """What to do next is left to the last line of the run (`diagnosis.next`)."""
    if diagnosis.cause is None:
        ui.line("CloudFormation gave no reason.", "red")
    else:
        show_cause(ui, diagnosis.cause)
    groups = _alike(diagnosis.others)
    for cause, places in groups[:_MOST]:
        ui.line(f"  also {places}: {_words(cause)}")
    if len(groups) > _MOST:
        ui.line(f"  and {len(groups) - _MOST} more")
    for cause, places in _alike(diagnosis.stuck):
        ui.line(f"  could not be undone: {places}: {_words(cause)}", "red")
    if diagnosis.kept:
        ui.line(f"  kept by its deletion policy, outside the stack: {', '.join(diagnosis.kept)}", "yellow")
    ui.line(f"State: {diagnosis.state}.")
    for status, stacks in _by_status(diagnosis):
        ui.line(f"  {status:<28} {', '.join(stacks)}")


def show_cause(ui: Ui, cause: Cause) -> None:
    what = f"{cause.path} ({cause.type})"
    ui.line(f"{ui.bad} {what}{f', {cause.property}' if cause.property else ''}: {cause.status}", "bold red")
    ui.line(f"  {_words(cause)}")
    if cause.location:
        origin = f", made by {cause.location.origin}" if cause.location.origin else ""
        ui.line(f"  at {cause.location}{origin}")
    if cause.remedy:
        ui.line(f"  {cause.remedy}", "bold")


def as_json(diagnosis: Diagnosis) -> dict:
    return {
        "cause": cause_as_json(diagnosis.cause) if diagnosis.cause else None,
        "others": [cause_as_json(cause) for cause in diagnosis.others],
        "stuck": [cause_as_json(cause) for cause in diagnosis.stuck],
        "kept": list(diagnosis.kept),
        "stacks": {path or "root": status for path, status in diagnosis.stacks.items()},
        "state": diagnosis.state,
        "next": diagnosis.next,
    }


def cause_as_json(cause: Cause) -> dict:
    """`template`, `line` and `origin` are null for what does not come from this checkout."""
    at = cause.location
    return {
        "resource": cause.path,
        "type": cause.type,
        "property": cause.property or None,
        "status": cause.status,
        "message": cause.message,
        "code": cause.code or None,
        "template": at.template if at else None,
        "line": at.line if at else None,
        "origin": at.origin or None if at else None,
        "remedy": cause.remedy or None,
    }


def command(options: Options) -> str:
    """What to type to deploy the same again."""
    words = ["python deploy.py", f"--env {options.env}"]
    words += [f"--{name} {value}" for name in ("profile", "region") if (value := getattr(options, name))]
    words += ["--local"] if options.local else []
    words += [f"--allow-replace {name}" for name in sorted(options.allow_replace)]
    return " ".join(words)


def _words(cause: Cause) -> str:
    return cause.message + (f" ({cause.code})" if cause.code else "")


def _alike(causes: Iterable[Cause]) -> list[tuple[Cause, str]]:
    """Failures that say the same as one, with all their places."""
    groups: dict[str, list[Cause]] = {}
    for cause in causes:
        groups.setdefault(_words(cause), []).append(cause)
    return [(group[0], ", ".join(cause.path for cause in group)) for group in groups.values()]


def _by_status(diagnosis: Diagnosis) -> list[tuple[str, list[str]]]:
    pairs = sorted((status, path or "the root stack") for path, status in diagnosis.stacks.items())
    return [(status, [path for _, path in group]) for status, group in groupby(pairs, key=lambda pair: pair[0])]
