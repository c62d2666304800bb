"""Progress of a count or of a wait: live on a terminal, occasional lines elsewhere."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from deployer.show.ui import Ui

OnProgress = Callable[[int, int], None]
"""Gets the number done and the total."""

_LINES = 20
"""Lines per bar, about, if there is no live display."""

_HEARTBEAT = 30.0
"""Seconds after which a wait without news writes a line, if there is no live display."""


@contextmanager
def bar(ui: Ui, name: str, columns: Sequence, words: Callable[[int, int], str]) -> Iterator[OnProgress]:
    """Show a bar followed by Rich's `columns` on a terminal, and lines made by `words` elsewhere."""
    if ui.interactive:
        from rich.progress import BarColumn, Progress, TextColumn

        name_column = TextColumn("{task.description}", markup=False)
        with Progress(name_column, BarColumn(), *columns, console=ui.console, transient=True) as progress:
            task = progress.add_task(name, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)
        return
    reported = 0

    def on_progress(done: int, total: int) -> None:
        nonlocal reported
        if done > reported and (done - reported >= total / _LINES or done >= total):
            reported = done
            ui.line(f"  {words(done, total)}")

    yield on_progress


@contextmanager
def waiting(ui: Ui, name: str, clock=time) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows its argument, the news, with the elapsed time."""
    if ui.interactive:
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        spinner = SpinnerColumn("dots" if ui.unicode else "line")
        text = TextColumn("{task.description}", markup=False)
        with Progress(spinner, text, TimeElapsedColumn(), console=ui.console, transient=True) as progress:
            task = progress.add_task(name, total=None)
            yield lambda known: progress.update(task, description=f"{name}: {known}")
        return
    started = reported = clock.monotonic()
    before = None

    def on_news(known: str) -> None:
        nonlocal reported, before
        now = clock.monotonic()
        if known != before or now - reported >= _HEARTBEAT:
            before, reported = known, now
            ui.line(f"  {name}: {known} ({now - started:.0f} s)")

    yield on_news
