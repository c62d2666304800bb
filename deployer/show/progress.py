"""Shows a deployment while it runs: a live table on a terminal, one line per event elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deployer.show.ui import Ui
from deployer.stacks.causes import place
from deployer.stacks.events import Event
from deployer.stacks.status import StackStatus


@dataclass
class StackProgress:
    """One stack so far. `busy`: logical ids that are in work; `done`: how many came to an end."""

    name: str
    started: float
    status: StackStatus = field(default_factory=lambda: StackStatus(""))
    busy: dict[str, float] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    ended: float | None = None


class Progress:
    """Takes events in, knows where every stack stands. No output."""

    def __init__(self, root_name: str, clock=time.monotonic):
        self.root_name = root_name
        self.clock = clock
        self.stacks: dict[str, StackProgress] = {}
        self.names: dict[str, str] = {}

    def take(self, batch: list[Event]) -> None:
        for event in batch:
            if event.child_stack:
                parent = self.names.get(event.stack_id, "")
                self.names[event.child_stack] = f"{parent}/{event.logical_id}".lstrip("/")
        for event in batch:
            self._stack(event).status = (
                self._stack(event).status if not event.of_the_stack else StackStatus(event.status)
            )
            self._resource(event)

    def _stack(self, event: Event) -> StackProgress:
        name = self.names.get(event.stack_id, "") or self.root_name
        return self.stacks.setdefault(event.stack_id, StackProgress(name, self.clock()))

    def _resource(self, event: Event) -> None:
        stack = self._stack(event)
        if event.of_the_stack:
            stack.ended = self.clock() if stack.status.is_settled else None
            return
        if event.status.endswith("_IN_PROGRESS"):
            stack.busy.setdefault(event.logical_id, self.clock())
            stack.done.discard(event.logical_id)
        else:
            stack.busy.pop(event.logical_id, None)
            stack.done.add(event.logical_id)


def interesting(event: Event) -> bool:
    """What a log should hold: stacks that start and end, and whatever fails."""
    return event.of_the_stack or event.status.endswith("_FAILED")


def line(event: Event, names: dict[str, str], root_name: str) -> str:
    what = names.get(event.stack_id, "") or root_name if event.of_the_stack else place(event, names)
    reason = f"  {event.reason}" if event.reason and "FAILED" in event.status else ""
    return f"  {event.time:%H:%M:%S}  {event.status:<28} {what}{reason}"


@contextmanager
def display(ui: Ui, root_name: str) -> Iterator:
    """`with display(ui, name) as on_events:` shows what is fed to on_events."""
    progress = Progress(root_name)
    if not ui.interactive:

        def on_events(batch: list[Event]) -> None:
            progress.take(batch)
            for event in filter(interesting, batch):
                ui.line(line(event, progress.names, root_name))

        yield on_events
        return
    from rich.live import Live

    with Live(console=ui.console, refresh_per_second=8, get_renderable=lambda: _table(progress, ui)):
        yield progress.take


def _table(progress: Progress, ui: Ui):
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for stack in sorted(progress.stacks.values(), key=lambda stack: (stack.name != progress.root_name, stack.name)):
        status = stack.status
        bad = "ROLLBACK" in status.name or "FAILED" in status.name
        style = "red" if bad else "green" if status.succeeded else "yellow"
        mark = ui.bad if bad else ui.ok if status.succeeded else ui.dots
        until = stack.ended or progress.clock()
        busy = ", ".join(list(stack.busy)[:3]) + (f" +{len(stack.busy) - 3}" if len(stack.busy) > 3 else "")
        table.add_row(
            Text(mark, style),
            Text(stack.name, "bold" if stack.name == progress.root_name else ""),
            Text(status.name, style),
            f"{len(stack.done)} done",
            f"{until - stack.started:.0f} s",
            Text(busy, "dim"),
        )
    return table
