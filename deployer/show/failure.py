"""A diagnosis as lines and as JSON: the cause, other failures, the state of each stack."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from deployer.options import Options
from deployer.plan.locations import Sources
from deployer.show.ui import Ui
from deployer.stacks import diagnosis
from deployer.stacks.diagnosis import Cause, Diagnosis
from deployer.stacks.rollback_triggers import Breach
from deployer.stacks.validation import Problem

_MAX_OTHERS = 5
"""Other failures shown; more are counted."""


def show(ui: Ui, report: Diagnosis) -> None:
    """Show all but `report.next`, the hint that ends the run."""
    if report.cause is None:
        ui.line("CloudFormation gave no reason.", "red")
    else:
        show_cause(ui, report.cause)
    for alarm in report.breach.causes if report.breach else ():
        ui.line(f"  {alarm.name} ({alarm.metric}): {alarm.description.partition(' First: ')[0] or alarm.reason}", "red")
    groups = _alike(report.others)
    for cause, paths in groups[:_MAX_OTHERS]:
        ui.line(f"  also {paths}: {_words(cause)}")
    if len(groups) > _MAX_OTHERS:
        ui.line(f"  and {len(groups) - _MAX_OTHERS} more")
    for cause, paths in _alike(report.stuck):
        ui.line(f"  could not be undone: {paths}: {_words(cause)}", "red")
    if report.retained:
        ui.line(f"  retained by its deletion policy, outside the stack: {', '.join(report.retained)}", "yellow")
    ui.line(f"State: {report.state}.")
    for status, stacks in _by_status(report):
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
    """Show what CloudFormation found in a change set; warnings in one line each."""
    for problem in problems:
        cause = diagnosis.cause_of_problem(problem, sources)
        if problem.stops:
            show_cause(ui, cause)
        else:
            at = f", {cause.location}" if cause.location else ""
            ui.warn(f"{cause.path} ({cause.type}){at}: {_words(cause)}")


def problems_as_json(problems: Iterable[Problem], sources: Sources | None) -> list[dict]:
    return [cause_as_json(diagnosis.cause_of_problem(problem, sources)) for problem in problems]


def as_json(report: Diagnosis) -> dict:
    return {
        "cause": cause_as_json(report.cause) if report.cause else None,
        "others": [cause_as_json(cause) for cause in report.others],
        "stuck": [cause_as_json(cause) for cause in report.stuck],
        "kept": list(report.retained),
        "alarm": _breach_as_json(report.breach) if report.breach else None,
        "stacks": {path or "root": status for path, status in report.stacks.items()},
        "state": report.state,
        "next": report.next,
    }


def _breach_as_json(breach: Breach) -> dict:
    causes = [
        {"name": alarm.name, "metric": alarm.metric, "functions": list(alarm.functions), "reason": alarm.reason}
        for alarm in breach.causes
    ]
    return {"name": breach.name, "reason": breach.reason, "causes": causes}


def cause_as_json(cause: Cause) -> dict:
    """`template`, `line` and `origin` are null if the local templates do not have the resource."""
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
    """Return the command that repeats this run, without --yes and --no-rollback; a saved plan is made again."""
    if options.command == "--apply":
        return options.at_the_same_place(plan=True).command_line()
    return replace(options, yes=False, no_rollback=False).command_line()


def _words(cause: Cause) -> str:
    return cause.message + (f" ({cause.code})" if cause.code else "")


def _alike(causes: Iterable[Cause]) -> list[tuple[Cause, str]]:
    """Group failures with the same message: one of each group, and all its paths."""
    groups: dict[str, list[Cause]] = {}
    for cause in causes:
        groups.setdefault(_words(cause), []).append(cause)
    return [(group[0], ", ".join(cause.path for cause in group)) for group in groups.values()]


def _by_status(report: Diagnosis) -> list[tuple[str, list[str]]]:
    pairs = sorted((status, path or "the root stack") for path, status in report.stacks.items())
    return [(status, [path for _, path in group]) for status, group in groupby(pairs, key=lambda pair: pair[0])]
