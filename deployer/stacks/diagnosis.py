"""What a person needs who sees a deployment fail: cause, resource_path, remedy, state, next command. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from deployer.plan.locations import Location, Sources
from deployer.stacks import messages
from deployer.stacks.causes import is_noise, others, resource_path, root_cause
from deployer.stacks.events import Event
from deployer.stacks.stack_status import StackStatus, recovery_action
from deployer.stacks.validation import Problem

_HOOKS = re.compile(r"hook\(s\)(?:/validation)? failed", re.IGNORECASE)

# A stack that was refused before it made anything: "Validation failed with 2 error(s). Call DescribeEvents ..."
_ASKS = re.compile(r"DescribeEvents|^Validation failure detected")


@dataclass(frozen=True)
class Cause:
    """One failure. `path`: DataStack/OrdersTable; `property`: KeySchema/0, or ""; `code`: the service's, or "".

    `location`: where it stands in this checkout, None for what does not come from it. `transient`: it may be gone
    when the same command is run again.
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
    """`others`: failures of their own, which the next attempt would meet. `stuck`: what could not be undone.

    `stacks`: path -> final status of every stack that took part, "" for the root. `kept`: resources that a
    deletion policy left behind. `state` and `next` are sentences.
    """

    cause: Cause | None
    others: tuple[Cause, ...]
    stuck: tuple[Cause, ...]
    stacks: Mapping[str, str]
    retained: tuple[str, ...]
    state: str
    next: str


def explain(
    status: StackStatus,
    events: Iterable[Event],
    names: Mapping[str, str],
    *,
    cli: Callable[[str], str],
    again: str,
    sources: Sources | None = None,
    problems: Iterable[Problem] = (),
) -> Diagnosis:
    """Everything that a person needs who sees a failure.

    `status`: the root's last; `names`: stack ARN -> path; `cli`: as of `recovery_action`; `again`: the command that deploys; `sources`: this
    checkout's templates, None when others were deployed; `problems`: what `validation.of_stacks` found, which
    explains stacks that say nothing themselves.
    """
    events = list(events)
    found = [cause_of_problem(problem, sources) for problem in problems if problem.stops]
    cause = root_cause(events)
    undone = {event.id for event in events if _while_rolling_back(event, events)}
    stuck = [
        event
        for event in events
        if event.status.endswith("_FAILED") and event.id in undone and event != cause and not _is_echo(event)
    ]
    further = [event for event in (others(events, cause) if cause else []) if event not in stuck]
    retained = sorted({resource_path(event, names) for event in events if event.status == "DELETE_SKIPPED"})
    causes = [cause_of(event, names, events, sources) for event in ([cause] if cause else []) + further]
    if found:
        causes = found + [each for each in causes if not _ASKS.search(each.message)]
    return Diagnosis(
        cause=causes[0] if causes else None,
        others=tuple(causes[1:]),
        stuck=tuple(cause_of(event, names, events, sources) for event in stuck),
        stacks=_final_statuses(status, events, names),
        retained=tuple(retained),
        state=_state(status, retained, stuck),
        next=_next(status, cli, again, bool(causes) and all(cause.transient for cause in causes)),
    )


def cause_of(event: Event, names: Mapping[str, str], events: Iterable[Event], sources: Sources | None) -> Cause:
    """An event of a failure with all that is known about it."""
    reason = event.reason
    if _HOOKS.search(reason):  # says which hook; what the hook said stands in an event of its own
        said = [other.hook for other in events if other.hook and _same(other, event)]
        reason = said[-1] if said else reason
    message = messages.clean(reason) if reason else messages.Message("no reason given")
    stack, logical_id, path = names.get(event.stack_id, ""), event.logical_id, resource_path(event, names)
    if event.of_the_stack and stack:  # it is what its parent calls it
        path = stack
        stack, _, logical_id = stack.rpartition("/")
    return _cause(sources, stack, logical_id, path, event.type, event.status, message)


def cause_of_problem(problem: Problem, sources: Sources | None) -> Cause:
    """What CloudFormation found before it made anything, told like any other failure."""
    path = "/".join(filter(None, (problem.stack, problem.logical_id)))
    message = replace(messages.clean(problem.reason), code=problem.check)
    status = "refused" if problem.stops else "warning"
    return _cause(sources, problem.stack, problem.logical_id, path, problem.type, status, message, problem.property)


def _cause(sources, stack, logical_id, path, kind, status, message, named="") -> Cause:
    properties = sources.properties(stack, logical_id) if sources else {}
    named = named or messages.property_path(message.text, properties)
    location = sources.find(stack, logical_id, named) if sources else None
    found = messages.remedy(message)
    return Cause(path, kind, status, message.text, message.code, named, location, found.text, found.transient)


def _same(one: Event, other: Event) -> bool:
    return (one.stack_id, one.logical_id) == (other.stack_id, other.logical_id)


def _is_echo(event: Event) -> bool:
    return event.of_the_stack or is_noise(event)


def _while_rolling_back(event: Event, events: Iterable[Event]) -> bool:
    """It happened while its own stack was being taken back."""
    begun = [
        other.time
        for other in events
        if other.stack_id == event.stack_id and other.of_the_stack and other.status.endswith("ROLLBACK_IN_PROGRESS")
    ]
    return bool(begun) and event.time > min(begun)


def _final_statuses(status: StackStatus, events: Iterable[Event], names: Mapping[str, str]) -> dict[str, str]:
    last = {names[event.stack_id]: event.status for event in events if event.of_the_stack and event.stack_id in names}
    return dict(sorted({**last, "": status.name}.items()))


def _state(status: StackStatus, retained: list[str], stuck: list[Event]) -> str:
    if status.name in ("UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"):
        return "the stack is as it was before" + (", but for what is named above" if retained or stuck else "")
    if status.must_be_deleted:
        return "what it had made is gone" + (
            ", but for what is named above" if retained or stuck else "; nothing was kept"
        )
    if status.name.endswith("ROLLBACK_FAILED"):
        return "the rollback failed, too: some of it is as it was before, some as it was to be"
    if status.name in ("CREATE_FAILED", "UPDATE_FAILED"):
        return "nothing was rolled back: it stands as it failed"
    return f"the stack is in {status}"


def _next(status: StackStatus, cli: Callable[[str], str], again: str, transient: bool) -> str:
    first = "" if transient else "mend the cause, then: "
    if status.can_update:
        return f"{first}{again}"
    if status.must_be_deleted:
        return f"{first}{again}   (offers to delete the empty stack first)"
    if status.failed_without_rollback:
        away = "delete what there is" if status.name == "CREATE_FAILED" else "roll it back"
        look = "" if transient else "look, mend the cause, then "
        return f"{look}go on from here: {again} --no-rollback   (without it: offers to {away} first)"
    if status.name.endswith("ROLLBACK_FAILED"):
        way = "delete what there is" if status.name == "ROLLBACK_FAILED" else "continue it"
        return f"{again}   (names what blocks the rollback, and offers to {way})"
    return recovery_action(status, cli)
