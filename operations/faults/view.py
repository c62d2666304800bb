"""Show the counts of injected faults: live on a terminal, at the end everywhere."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from rich.table import Table

from deployer import durations
from deployer.show.ui import Ui
from emulator.faults.rules import Rule
from emulator.faults.session import Counts


def show_beginning(ui: Ui, rules: Sequence[Rule], duration: float | None) -> None:
    how_long = f"for {durations.words(timedelta(seconds=duration))}, or until Ctrl-C" if duration else "until Ctrl-C"
    ui.line(f"{ui.ok} {'Faults':<10} {len(rules)} rule{'s' * (len(rules) > 1)}, {how_long}")
    ui.console.file.flush()  # a script waits for this line


@contextmanager
def live(ui: Ui, rules: Sequence[Rule]) -> Iterator[Callable[[list[Counts]], None]]:
    """Yield a function that shows counts while the block runs; it shows nothing where there is no terminal."""
    if not ui.interactive:
        yield lambda counts: None
        return
    from rich.live import Live

    with Live(console=ui.console, transient=True) as display:
        yield lambda counts: display.update(_table(rules, counts))


def show_end(ui: Ui, rules: Sequence[Rule], counts: list[Counts]) -> None:
    ui.console.print(_table(rules, counts), soft_wrap=False)
    ui.line("The faults have ended. No configuration was changed.")


def _table(rules: Sequence[Rule], counts: list[Counts]) -> Table:
    table = Table(box=None, padding=(0, 0, 0, 2))
    for heading in ("rule", "calls", "faults"):
        table.add_column(heading, justify="left" if heading == "rule" else "right", overflow="fold")
    for rule, each in zip(rules, counts, strict=True):
        table.add_row(rule.title, str(each.matched), str(each.injected))
    return table
