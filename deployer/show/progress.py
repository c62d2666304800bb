"""Show an operation on a tree of stacks while it runs: a live tree on a terminal, lines elsewhere.

The tree has each stack with its resources in progress and their time. A log gets a line when a stack starts, ends
or a resource fails, and every half minute what the operation is waiting for; every minute while alarms are monitored.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from deployer.plan.changes import Plan
from deployer.show.monitoring_view import MonitoringView
from deployer.show.ui import Ui
from deployer.stacks import messages, shifts
from deployer.stacks.causes import resource_path
from deployer.stacks.events import STACK, Event
from deployer.stacks.rollback_triggers import UNMONITORED
from deployer.stacks.stack_status import StackStatus

HEARTBEAT = 30.0
"""Seconds without news after which a log gets a line."""

MONITORING_HEARTBEAT = 60.0

QUIET = 10.0
"""Seconds without an event and with nothing in progress after which the monitoring time has begun."""

_SHOWN = 3
"""Resources in progress that are named; the others are counted. On a terminal twice as many."""

Line = tuple[int, str, str]
"""Indentation, text and style."""


@dataclass
class StackProgress:
    """`busy`: resource in progress -> its type and start; `done`: resources that are complete or failed."""

    name: str
    started: datetime
    status: StackStatus = field(default_factory=lambda: StackStatus(""))
    busy: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    ended: datetime | None = None

    @property
    def failed(self) -> bool:
        return "ROLLBACK" in self.status.name or "FAILED" in self.status.name

    @property
    def succeeded(self) -> bool:
        """A deletion counts, too."""
        return self.status.is_settled and not self.failed


class Progress:
    """The state of every stack, from events. No output.

    `expected`: stack path -> number of resources that the plan changes; a stack without gets no total.
    """

    def __init__(
        self, root_name: str, expected: Mapping[str, int] | None = None, clock: Callable[[], datetime] | None = None
    ):
        self.root_name = root_name
        self.expected = expected or {}
        self.clock = clock or (lambda: datetime.now(UTC))
        self.stacks: dict[str, StackProgress] = {}
        self.names: dict[str, str] = {}
        self.latest: datetime | None = None

    def take(self, batch: list[Event]) -> None:
        for event in batch:
            if event.child_stack:
                parent = self.names.get(event.stack_id, "")
                self.names[event.child_stack] = f"{parent}/{event.logical_id}".lstrip("/")
        for event in batch:
            time = min(event.time, self.clock())  # which may be behind CloudFormation's
            self.latest = max(time, self.latest or time)
            stack = self._stack(event)
            if event.of_the_stack:
                stack.status = StackStatus(event.status)
                stack.ended = event.time if stack.status.is_settled else None
            elif event.type != STACK:  # a nested stack has its own events
                self._resource(stack, event)

    def ordered(self) -> list[StackProgress]:
        """Parents before their children."""
        return sorted(self.stacks.values(), key=lambda stack: (stack.name != self.root_name, stack.name))

    def seconds(self, stack: StackProgress) -> float:
        return self.since(stack.started, stack.ended)

    def since(self, start: datetime, end: datetime | None = None) -> float:
        """Clamp to 0 (clock skew)."""
        return max(0.0, ((end or self.clock()) - start).total_seconds())

    def count(self, stack: StackProgress) -> str:
        """`3 of 8` of the stack's own resources; of all for the root. A rollback has no total."""
        stacks = list(self.stacks.values()) if stack.name == self.root_name else [stack]
        done = sum(len(each.done) for each in stacks)
        total = sum(self.expected.values()) if stack.name == self.root_name else self.expected.get(stack.name, 0)
        return f"{done} of {max(done, total)}" if total and not stack.failed else str(done)

    def waiting(self) -> list[tuple[str, str, float]]:
        """Return path, type and seconds of all resources in progress, longest first."""
        found = [
            (name if stack.name == self.root_name else f"{stack.name}/{name}", kind, self.since(start))
            for stack in self.stacks.values()
            for name, (kind, start) in stack.busy.items()
        ]
        return sorted(found, key=lambda entry: -entry[2])

    def quiet_since(self) -> datetime | None:
        """Return the time of the last event if all resources are deployed and the root has not ended; else None."""
        root = next((stack for stack in self.stacks.values() if stack.name == self.root_name), None)
        if not (root and self.latest and root.status.name in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")):
            return None
        others = [stack for stack in self.stacks.values() if stack is not root]
        deploying = any(stack.busy for stack in [root, *others]) or any(
            stack.status.is_running and "CLEANUP" not in stack.status.name for stack in others
        )
        return None if deploying or self.since(self.latest) < QUIET else self.latest

    def _stack(self, event: Event) -> StackProgress:
        name = self.names.get(event.stack_id, "") or self.root_name
        return self.stacks.setdefault(event.stack_id, StackProgress(name, event.time))

    @staticmethod
    def _resource(stack: StackProgress, event: Event) -> None:
        if event.status.endswith("_IN_PROGRESS"):
            kind, start = stack.busy.get(event.logical_id, (event.type, event.time))
            shift = shifts.deployment(event)
            stack.busy[event.logical_id] = (f"{event.type}, CodeDeploy {shift}" if shift else kind, start)
            stack.done.discard(event.logical_id)
        else:
            stack.busy.pop(event.logical_id, None)
            stack.done.add(event.logical_id)


def expected(plan: Plan) -> dict[str, int]:
    """Return stack path -> number of resources that change, without nested stacks; "" is the root."""
    return dict(Counter("/".join(change.stack) for change in plan.changes if change.type != STACK))


def log_lines(progress: Progress, batch: list[Event]) -> list[tuple[str, str]]:
    """Return the lines of a log, text and style, for a batch that `progress` has taken."""
    return [line for event in batch if (line := _log_line(progress, event))]


def _log_line(progress: Progress, event: Event) -> tuple[str, str] | None:
    at = f"  {event.time:%H:%M:%S}  "
    if not event.of_the_stack:
        if not event.status.endswith("_FAILED") or event.child_stack in progress.stacks:
            return None  # a nested stack has its own events, unless it failed before its creation
        why = messages.clean(event.reason).text if event.reason else "no reason"
        return f"{at}{resource_path(event, progress.names)} ({event.type}) {event.status}: {why}", "red"
    stack, status = progress.stacks[event.stack_id], StackStatus(event.status)
    if status.is_settled:
        end = f"{at}{stack.name} {status} in {_time(progress.since(stack.started, event.time))}"
        return f"{end}, {progress.count(stack)} resources", "" if stack.succeeded else "red"
    if event.time == stack.started or event.status.endswith("ROLLBACK_IN_PROGRESS"):
        return f"{at}{stack.name} {status}", ""
    return None


def heartbeat(progress: Progress) -> str:
    """Return what the operation is waiting for, in one line."""
    waiting = progress.waiting()
    named = [f"{path} ({kind}, {_time(seconds)})" for path, kind, seconds in waiting[:_SHOWN]]
    more = f" and {len(waiting) - _SHOWN} more" if len(waiting) > _SHOWN else ""
    root = next((stack for stack in progress.stacks.values() if stack.name == progress.root_name), None)
    elapsed = f", {_time(progress.seconds(root))} so far" if root else ""
    return f"  waiting for {', '.join(named) or 'CloudFormation'}{more}{elapsed}"


def tree(progress: Progress, ui: Ui) -> list[Line]:
    """Return each stack, and its resources in progress, as lines."""
    lines: list[Line] = []
    for stack in progress.ordered():
        root = stack.name == progress.root_name
        depth = 0 if root else 1 + stack.name.count("/")
        style = "red" if stack.failed else "green" if stack.succeeded else "yellow"
        mark = ui.bad if stack.failed else ui.ok if stack.succeeded else ui.dots
        name = stack.name.rpartition("/")[2]
        text = f"{mark} {name}  {stack.status}  {progress.count(stack)}  {_time(progress.seconds(stack))}"
        lines.append((depth, text, style))
        busy = sorted(stack.busy.items(), key=lambda entry: entry[1][1])
        for resource, (kind, start) in busy[: 2 * _SHOWN]:
            lines.append((depth + 2, f"{resource} ({kind}) {_time(progress.since(start))}", "dim"))
        if len(busy) > 2 * _SHOWN:
            lines.append((depth + 2, f"and {len(busy) - 2 * _SHOWN} more", "dim"))
    return lines


@contextmanager
def display(
    ui: Ui, root_name: str, expected: Mapping[str, int] | None = None, monitoring: MonitoringView | None = None
) -> Iterator[Callable[[list[Event]], None]]:
    """`with display(ui, name) as on_events:` shows the events passed to on_events; empty batches update the time."""
    progress = Progress(root_name, expected)
    view = monitoring or MonitoringView(UNMONITORED, list)
    if not ui.interactive:
        yield _logging(ui, progress, view)
        return
    from rich.live import Live

    def take(batch: list[Event]) -> None:
        progress.take(batch)
        view.refresh(progress.quiet_since(), progress.clock())

    with Live(console=ui.console, refresh_per_second=4, get_renderable=lambda: _drawn(progress, ui, view)):
        yield take


def _logging(ui: Ui, progress: Progress, view: MonitoringView) -> Callable[[list[Event]], None]:
    reported, monitoring = progress.clock(), False

    def on_events(batch: list[Event]) -> None:
        nonlocal reported, monitoring
        progress.take(batch)
        lines = log_lines(progress, batch)
        view.refresh(progress.quiet_since(), progress.clock())
        line = view.line(progress.quiet_since(), progress.clock())
        due = MONITORING_HEARTBEAT if line and monitoring else 0.0 if line else HEARTBEAT
        if not lines and progress.since(reported) >= due:
            lines, monitoring = [(f"  {line}" if line else heartbeat(progress), "")], bool(line)
        for text, style in lines:
            ui.line(text, style)
            reported = progress.clock()

    return on_events


def _drawn(progress: Progress, ui: Ui, view: MonitoringView):
    """Lines are cut at the terminal's width: a folded line would break the live display."""
    from rich.console import Group
    from rich.text import Text

    cut: Literal["ellipsis", "crop"] = "ellipsis" if ui.unicode else "crop"
    lines = tree(progress, ui)
    if line := view.line(progress.quiet_since(), progress.clock()):
        lines.append((0, line, "bold"))
    return Group(*(Text("  " * depth + text, style, no_wrap=True, overflow=cut) for depth, text, style in lines))


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
