"""Draw docs/plan.svg, the screen of a plan, from a real run: `python -m examples.plan_screen`.

Deploy a clone of the last commit to its own emulator, apply EDITS to the clone, plan, and draw the output.
"""

import io
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from rich.console import CONSOLE_SVG_FORMAT, Console
from rich.text import Text

from examples import transcript

OUTPUT = transcript.ROOT / "docs" / "plan.svg"
COLUMNS = 112
COMMAND = "python deploy.py --env dev --local --plan"
FONTS = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace'

# Colour without a live display: one line an event.
_TERMINAL = {"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "0", "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
_CURSOR = re.compile(r"\x1b\[\?25[lh]")


class Edit(NamedTuple):
    """A text in a file, and its replacement."""

    file: str
    before: str
    after: str


COSTS_MORE = Edit("environments/dev.toml", "data_trace = false", "data_trace = true")
BROADENS = Edit(
    "generator/functions.py", '"AcceptOrders", (sqs.SendMessage,', '"AcceptOrders", (sqs.SendMessage, sqs.PurgeQueue'
)
LOSES_DATA = Edit("generator/uploads.py", '"UploadBucket",', '"UploadBucket",\n        BucketName="partners-orders",')
EDITS = (COSTS_MORE, BROADENS, LOSES_DATA)


def apply(edits: tuple[Edit, ...], directory: Path) -> None:
    """Edit the files below `directory`. Raises ValueError when a file does not contain an edit's text exactly once."""
    for edit in edits:
        path = directory / edit.file
        text = path.read_text(encoding="utf-8")
        if text.count(edit.before) != 1:
            raise ValueError(f"{edit.file}: expected {edit.before!r} once, found it {text.count(edit.before)} times")
        path.write_text(text.replace(edit.before, edit.after), encoding="utf-8")


def screen(output: str) -> str:
    """Return a terminal's output as SVG. Longer lines than COLUMNS end in an ellipsis."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in [f"$ {COMMAND}", *_CURSOR.sub("", output).splitlines()]:
        if line.strip():
            console.print(Text.from_ansi(line), no_wrap=True, overflow="ellipsis")
    console.print()  # or the last line is cut at its lower edge
    code_format = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    code_format = code_format.replace("Fira Code, monospace", FONTS)
    return console.export_svg(title="deploy.py --plan", code_format=code_format, unique_id="plan")


def main() -> None:
    with transcript.fresh_clone() as (clone, environment):
        deploy = [sys.executable, "deploy.py", "--env", "dev", "--local", "--yes"]
        subprocess.run(deploy, cwd=clone, env=environment, stdout=subprocess.DEVNULL, check=True)
        apply(EDITS, clone)
        plan = [sys.executable, *COMMAND.split()[1:]]
        run = subprocess.run(
            plan, cwd=clone, env=environment | _TERMINAL, stdout=subprocess.PIPE, text=True, check=True
        )
    OUTPUT.write_text(screen(run.stdout), encoding="utf-8")


if __name__ == "__main__":
    main()
