"""How far something has come: a live bar or clock on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from deployer.show.ui import Ui

OnProgress = Callable[[int, int], None]
"""Gets how much is done, of how much."""

_STEPS = 20
"""About so many lines where there is no live display."""

_PATIENCE = 30.0
"""Seconds after which a wait without news says, where there is no live display, that it goes on."""


@contextmanager
def bar(ui: Ui, name: str, columns: Sequence, words: Callable[[int, int], str]) -> Iterator[OnProgress]:
    """Rich's `columns` follow the bar on a terminal; `words` says the same elsewhere."""
    if ui.interactive:
        from rich.progress import BarColumn, Progress, TextColumn

        name_column = TextColumn("{task.description}", markup=False)
        with Progress(name_column, BarColumn(), *columns, console=ui.console, transient=True) as progress:
            task = progress.add_task(name, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)
        return
    told = 0

    def on_progress(done: int, total: int) -> None:
        nonlocal told
        if done > told and (done - told >= total / _STEPS or done >= total):
            told = done
            ui.line(f"  {words(done, total)}")

    yield on_progress


@contextmanager
def waiting(ui: Ui, name: str, clock=time) -> Iterator[Callable[[str], None]]:
    """Yields a function that takes what is known so far; the time since the beginning is shown beside it."""
    if ui.interactive:
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        spinner = SpinnerColumn("dots" if ui.unicode else "line")
        text = TextColumn("{task.description}", markup=False)
        with Progress(spinner, text, TimeElapsedColumn(), console=ui.console, transient=True) as progress:
            task = progress.add_task(name, total=None)
            yield lambda known: progress.update(task, description=f"{name}: {known}")
        return
    begun = told = clock.monotonic()
    before = None

    def on_news(known: str) -> None:
        nonlocal told, before
        now = clock.monotonic()
        if known != before or now - told >= _PATIENCE:
            before, told = known, now
            ui.line(f"  {name}: {known} ({now - begun:.0f} s)")

    yield on_news
