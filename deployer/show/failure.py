"""A failed deployment: the cause first, then what else failed, what state everything is in, and what to type."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from deployer.options import Options
from deployer.plan.locations import Sources
from deployer.show.ui import Ui
from deployer.stacks import diagnosis
from deployer.stacks.diagnosis import Cause, Diagnosis
from deployer.stacks.validation import Problem

_MOST = 5
"""More failures of their own than this are counted, not shown."""


def show(ui: Ui, told: Diagnosis) -> None:
    """What to do next is left to the last line of the run (`told.next`)."""
    if told.cause is None:
        ui.line("CloudFormation gave no reason.", "red")
    else:
        show_cause(ui, told.cause)
    groups = _alike(told.others)
    for cause, places in groups[:_MOST]:
        ui.line(f"  also {places}: {_words(cause)}")
    if len(groups) > _MOST:
        ui.line(f"  and {len(groups) - _MOST} more")
    for cause, places in _alike(told.stuck):
        ui.line(f"  could not be undone: {places}: {_words(cause)}", "red")
    if told.retained:
        ui.line(f"  kept by its deletion policy, outside the stack: {', '.join(told.retained)}", "yellow")
    ui.line(f"State: {told.state}.")
    for status, stacks in _by_status(told):
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


def show_problems(ui: Ui, problems: Iterable[Problem], sources: Sources | None) -> None:
    """What CloudFormation found in a change set; warnings in one line each."""
    for problem in problems:
        cause = diagnosis.cause_of_problem(problem, sources)
        if problem.stops:
            show_cause(ui, cause)
        else:
            at = f", {cause.location}" if cause.location else ""
            ui.warn(f"{cause.path} ({cause.type}){at}: {_words(cause)}")


def problems_as_json(problems: Iterable[Problem], sources: Sources | None) -> list[dict]:
    return [cause_as_json(diagnosis.cause_of_problem(problem, sources)) for problem in problems]


def as_json(told: Diagnosis) -> dict:
    return {
        "cause": cause_as_json(told.cause) if told.cause else None,
        "others": [cause_as_json(cause) for cause in told.others],
        "stuck": [cause_as_json(cause) for cause in told.stuck],
        "kept": list(told.retained),
        "stacks": {path or "root": status for path, status in told.stacks.items()},
        "state": told.state,
        "next": told.next,
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
    """What to type to do the same again; whoever types it is asked again."""
    return replace(options, yes=False, no_rollback=False).command_line()


def _words(cause: Cause) -> str:
    return cause.message + (f" ({cause.code})" if cause.code else "")


def _alike(causes: Iterable[Cause]) -> list[tuple[Cause, str]]:
    """Failures that say the same as one, with all their places."""
    groups: dict[str, list[Cause]] = {}
    for cause in causes:
        groups.setdefault(_words(cause), []).append(cause)
    return [(group[0], ", ".join(cause.path for cause in group)) for group in groups.values()]


def _by_status(told: Diagnosis) -> list[tuple[str, list[str]]]:
    pairs = sorted((status, path or "the root stack") for path, status in told.stacks.items())
    return [(status, [path for _, path in group]) for status, group in groupby(pairs, key=lambda pair: pair[0])]
