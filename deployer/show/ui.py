"""Write steps, lines, tables and questions, as plain as the terminal requires."""

import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.console import Console

QUIET_SECONDS = 1.0
"""A step that takes longer reports that it is running."""

_ENDLESS = 10_000


class Ui:
    """Writes to one stream. `interactive`: live displays instead of one line per event."""

    def __init__(self, stream=None, interactive: bool | None = None):
        stream = stream or sys.stdout
        self.console = Console(file=stream, highlight=False, soft_wrap=True, force_terminal=interactive or None)
        self.interactive = _is_live(self.console) if interactive is None else interactive
        if not self.interactive:
            self.console.width = _ENDLESS  # Rich assumes 80 columns for a file
        self.unicode = _can_encode(stream, "✓…│")
        self._beside: list[str] = []
        self.ok, self.bad, self.dots = ("✓", "✗", "…") if self.unicode else ("ok", "!!", "...")

    def line(self, text: str = "", style: str = "") -> None:
        """Write one line; brackets in `text` are not markup."""
        self.console.print(self._plain(text), style=style or None, markup=False)

    def warn(self, text: str) -> None:
        self.line(f"! {text}", "yellow")

    def table(self, rows: Iterable[Sequence[str]], headings: Sequence[str] = ()) -> None:
        """Write aligned columns without cutting cells: folded on a terminal, on long lines elsewhere."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, padding=(0, 0, 0, 2), show_header=bool(headings))
        cells = [[Text(self._plain(cell), overflow="fold") for cell in row] for row in rows]
        for index in range(max(map(len, cells), default=0)):
            table.add_column(headings[index] if headings else "", overflow="fold")
        for row in cells:
            table.add_row(*row)
        self.console.print(table, soft_wrap=False)

    def beside(self, *names: str) -> None:
        """Show the named steps as running beside the others, until their own turn to be waited for."""
        self._beside += names

    @contextmanager
    def step(self, name: str, spinner: bool = True) -> Iterator["Step"]:
        """`with ui.step("Lint") as step: ...; step.result = "no findings"` -> one line with its time.

        `spinner`: False if the block shows its own progress.
        """
        step, started = Step(), time.monotonic()
        self._beside = [each for each in self._beside if each != name]
        with self._going_on(", ".join([name, *self._beside])) if spinner else nullcontext():
            yield step
        took = time.monotonic() - started
        seconds = f" ({took:.1f} s)" if took >= QUIET_SECONDS else ""
        self.line(f"{self.ok} {name:<10} {step.result}{seconds}".rstrip())

    def waiting(self, text: str) -> AbstractContextManager:
        """Show a spinner on a terminal, and nothing elsewhere, while calls that print nothing are answered."""
        spinner = "dots" if self.unicode else "line"
        return self.console.status(self._plain(text), spinner=spinner) if self.interactive else nullcontext()

    @contextmanager
    def _going_on(self, name: str) -> Iterator[None]:
        if self.interactive:
            with self.waiting(name):
                yield
            return
        timer = threading.Timer(QUIET_SECONDS, self.line, [f"  {name} {self.dots}"])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _plain(self, text: str) -> str:
        if self.unicode:
            return text
        for fancy, plain in (("…", "..."), ("→", "->"), ("←", "<-"), ("·", "-"), ("—", "-")):
            text = text.replace(fancy, plain)
        return text.encode("ascii", "replace").decode()


class Step:
    """`result`: the step's outcome in a few words, set while it runs."""

    result = ""


def _is_live(console: Console) -> bool:
    """Whether the terminal supports live displays: TERM=dumb does not."""
    return console.is_terminal and not console.is_dumb_terminal


def can_ask() -> bool:
    """Whether stdin and stdout are a terminal."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def ask(question: str) -> bool:
    """Ask on the terminal; any answer but y or yes is a no."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def choose(options: Mapping[str, str]) -> str:
    """Ask on the terminal until the answer is one of the keys; return "" at the end of input."""
    question = ", ".join(f"[{key}] {text}" for key, text in options.items())
    while True:
        try:
            answer = input(f"{question}: ").strip().lower()[:1]
        except EOFError:
            return ""
        if answer in options:
            return answer


def _can_encode(stream, text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True
