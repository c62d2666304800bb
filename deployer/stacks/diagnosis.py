"""Explain a failed deployment: cause, location, remedy, state of the stacks, next command. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from deployer.plan.locations import Location, Sources
from deployer.plan.rollback_alarms import COMPOSITE
from deployer.stacks import messages
from deployer.stacks.causes import is_consequence, others, resource_path, root_cause
from deployer.stacks.events import Event
from deployer.stacks.rollback_triggers import Breach
from deployer.stacks.stack_status import StackStatus, recovery_action
from deployer.stacks.validation import Problem

_HOOKS = re.compile(r"hook\(s\)(?:/validation)? failed", re.IGNORECASE)

# A stack that failed validation before creating anything: "Validation failed with 2 error(s). Call DescribeEvents ..."
_REFERS_TO_EVENTS = re.compile(r"DescribeEvents|^Validation failure detected")


@dataclass(frozen=True)
class Cause:
    """One failure. `path`: DataStack/OrdersTable; `property`: KeySchema/0, or ""; `code`: the service's, or "".

    `location`: in the local version, None if the resource is not part of it. `transient`: running the same command
    again may succeed.
    """

    path: str
    type: str
    status: str
    message: str
    code: str = ""
    property: str = ""
    location: Location | None = None
    remedy: str = ""
    transient: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """`others`: independent failures, which the next attempt would repeat. `stuck`: resources not rolled back.

    `stacks`: path -> final status of every stack with events, "" for the root. `retained`: resources that a
    deletion policy retained. `breach`: the alarm that is the cause. `state` and `next` are sentences.
    """

    cause: Cause | None
    others: tuple[Cause, ...]
    stuck: tuple[Cause, ...]
    stacks: Mapping[str, str]
    retained: tuple[str, ...]
    state: str
    next: str
    breach: Breach | None = None


def explain(
    status: StackStatus,
    events: Iterable[Event],
    stack_paths: Mapping[str, str],
    *,
    cli: Callable[[str], str],
    again: str,
    sources: Sources | None = None,
    problems: Iterable[Problem] = (),
    breach: Breach | None = None,
    logs: str = "",
) -> Diagnosis:
    """Return the diagnosis of a failed operation.

    `status`: the root's last. `stack_paths`: stack ARN -> path. `cli`: as in `recovery_action`. `again`: the command
    that deploys. `sources`: None if not the local templates were deployed. `problems`: of `validation.of_stacks`.
    `breach`: the alarm that is the cause; `logs`: the command for the logs of its time.
    """
    events = list(events)
    found = [cause_of_problem(problem, sources) for problem in problems if problem.stops]
    during_rollback = {event.id for event in events if _while_rolling_back(event, events)}
    cause = root_cause(event for event in events if not (breach and event.id in during_rollback))
    stuck = [
        event
        for event in events
        if event.status.endswith("_FAILED")
        and event.id in during_rollback
        and event != cause
        and not _is_secondary(event)
    ]
    further = [event for event in others(events, cause) if event not in stuck] if cause else []
    retained = sorted({resource_path(event, stack_paths) for event in events if event.status == "DELETE_SKIPPED"})
    first = [] if cause is None or (breach and _is_secondary(cause)) else [cause]
    causes = [cause_of(event, stack_paths, events, sources) for event in first + further]
    if found:
        causes = found + [each for each in causes if not _REFERS_TO_EVENTS.search(each.message)]
    if breach:
        causes = [_of_alarm(breach, logs), *causes]
    return Diagnosis(
        cause=causes[0] if causes else None,
        others=tuple(causes[1:]),
        stuck=tuple(cause_of(event, stack_paths, events, sources) for event in stuck),
        stacks=_final_statuses(status, events, stack_paths),
        retained=tuple(retained),
        state=_state(status, retained, stuck),
        next=_next(status, cli, again, bool(causes) and all(cause.transient for cause in causes)),
        breach=breach,
    )


def _of_alarm(breach: Breach, logs: str) -> Cause:
    remedy = f"read the logs of that time: {logs}"
    return Cause(breach.name, COMPOSITE, "ALARM", breach.reason or "no reason given", remedy=remedy)


def cause_of(event: Event, stack_paths: Mapping[str, str], events: Iterable[Event], sources: Sources | None) -> Cause:
    """Explain the event of a failure."""
    reason = event.reason
    if _HOOKS.search(reason):  # names the hook; its message is in another event
        hook_messages = [other.hook for other in events if other.hook and _same(other, event)]
        reason = hook_messages[-1] if hook_messages else reason
    message = messages.clean(reason) if reason else messages.Message("no reason given")
    stack, logical_id, path = stack_paths.get(event.stack_id, ""), event.logical_id, resource_path(event, stack_paths)
    if event.of_the_stack and stack:  # its logical id is the one in its parent
        path = stack
        stack, _, logical_id = stack.rpartition("/")
    return _cause(sources, stack, logical_id, path, event.type, event.status, message)


def cause_of_problem(problem: Problem, sources: Sources | None) -> Cause:
    """Explain a validation problem like any other failure."""
    path = "/".join(filter(None, (problem.stack, problem.logical_id)))
    message = replace(messages.clean(problem.reason), code=problem.check)
    status = "refused" if problem.stops else "warning"
    return _cause(sources, problem.stack, problem.logical_id, path, problem.type, status, message, problem.property)


def _cause(
    sources: Sources | None,
    stack: str,
    logical_id: str,
    path: str,
    kind: str,
    status: str,
    message: messages.Message,
    named: str = "",
) -> Cause:
    properties = sources.properties(stack, logical_id) if sources else {}
    named = named or messages.property_path(message.text, properties)
    location = sources.find(stack, logical_id, named) if sources else None
    found = messages.remedy(message)
    return Cause(path, kind, status, message.text, message.code, named, location, found.text, found.transient)


def _same(one: Event, other: Event) -> bool:
    return (one.stack_id, one.logical_id) == (other.stack_id, other.logical_id)


def _is_secondary(event: Event) -> bool:
    return event.of_the_stack or is_consequence(event)


def _while_rolling_back(event: Event, events: Iterable[Event]) -> bool:
    """Return True if the event is later than the start of its stack's rollback."""
    begun = [
        other.time
        for other in events
        if other.stack_id == event.stack_id and other.of_the_stack and other.status.endswith("ROLLBACK_IN_PROGRESS")
    ]
    return bool(begun) and event.time > min(begun)


def _final_statuses(status: StackStatus, events: Iterable[Event], stack_paths: Mapping[str, str]) -> dict[str, str]:
    last = {
        stack_paths[event.stack_id]: event.status
        for event in events
        if event.of_the_stack and event.stack_id in stack_paths
    }
    return dict(sorted({**last, "": status.name}.items()))


def _state(status: StackStatus, retained: list[str], stuck: list[Event]) -> str:
    if status.name in ("UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"):
        return "the stack is rolled back to its previous state" + (
            ", except what is named above" if retained or stuck else ""
        )
    if status.must_be_deleted:
        return "the stack's resources were deleted" + (
            ", except what is named above" if retained or stuck else "; nothing was retained"
        )
    if status.name.endswith("ROLLBACK_FAILED"):
        return "the rollback failed: some resources have their previous state, some the new one"
    if status.name in ("CREATE_FAILED", "UPDATE_FAILED"):
        return "nothing was rolled back: the stack is as the failure left it"
    return f"the stack is in {status}"


def _next(status: StackStatus, cli: Callable[[str], str], again: str, transient: bool) -> str:
    first = "" if transient else "correct the cause, then: "
    if status.can_update:
        return f"{first}{again}"
    if status.must_be_deleted:
        return f"{first}{again}   (offers to delete the empty stack first)"
    if status.failed_without_rollback:
        away = "delete the stack" if status.name == "CREATE_FAILED" else "roll it back"
        first = "" if transient else "inspect it, correct the cause, then "
        return f"{first}continue from here: {again} --no-rollback   (without it: offers to {away} first)"
    if status.name.endswith("ROLLBACK_FAILED"):
        action = "delete the stack" if status.name == "ROLLBACK_FAILED" else "continue it"
        return f"{again}   (names what blocks the rollback, and offers to {action})"
    return recovery_action(status, cli)
