"""Run the commands of a document and write their outputs into it: `python -m examples.transcript FILE`.

In each ```console block, run each line `$ command` and replace the lines below it by its output. All
commands of a document share one bash, in a clone of the last commit with its own emulator. To show less of an output,
pipe it in the command, where the reader sees it.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deployer.aws import isolated

ROOT = Path(__file__).resolve().parent.parent
MARK = "\x1e"
"""Separates the outputs of two commands: a character that none of them prints."""

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(document: str) -> list[str]:
    """Return every command of the document, in order."""
    return [line[2:] for block in _BLOCK.findall(document) for line in block.splitlines() if line.startswith("$ ")]


def with_outputs(document: str, outputs: list[str]) -> str:
    """Return the document with each command's output below it. Raises ValueError when their numbers differ."""
    if len(outputs) != len(commands(document)):
        raise ValueError(f"{len(outputs)} outputs for {len(commands(document))} commands")
    left = iter(outputs)

    def block(found: re.Match) -> str:
        lines = [line for line in found[1].splitlines() if line.startswith("$ ")]
        return "```console\n" + "".join(f"{line}\n{_tidy(next(left))}" for line in lines) + "```"

    return _BLOCK.sub(block, document)


def _tidy(output: str) -> str:
    lines = [line.rstrip() for line in output.strip("\n").splitlines()]
    return "".join(f"{line}\n" for line in lines)


def run(lines: list[str], directory: Path, environment: dict[str, str], on_start: Callable[[str], None]) -> list[str]:
    """Return each command's output, both streams together; continue after a command that fails."""
    script = "\n".join(f"printf '\\n{MARK}\\n'\n{line}" for line in lines)
    with subprocess.Popen(
        ["bash", "-c", script],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as shell:
        return _outputs(shell.stdout, lines, on_start)


def _outputs(stream, lines: list[str], on_start: Callable[[str], None]) -> list[str]:
    collected: list[list[str]] = [[]]
    for line in stream:
        if line == f"{MARK}\n":
            on_start(lines[len(collected) - 1])
            collected.append([])
        else:
            collected[-1].append(line)
    return ["".join(output) for output in collected[1:]]


@contextmanager
def fresh_clone() -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield a clone of the last commit and the environment for its commands; stop its emulator at the end."""
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "food-delivery-platform"
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        environment = {
            **isolated.environment(os.environ),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "COLUMNS": "110",
            # wheels are downloaded once
            "FOOD_DELIVERY_CACHE_DIR": os.environ.get("FOOD_DELIVERY_CACHE_DIR", str(ROOT / ".local")),
        }
        try:
            yield clone, environment
        finally:
            stop = [sys.executable, "deploy.py", "--local", "--stop"]
            subprocess.run(stop, cwd=clone, env=environment, stdout=subprocess.DEVNULL, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.transcript", description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="a document with console blocks, such as docs/commands.md")
    file = parser.parse_args().file
    document = file.read_text(encoding="utf-8")
    with fresh_clone() as (clone, environment):
        printed = run(commands(document), clone, environment, lambda line: print(f"$ {line}", file=sys.stderr))
    file.write_text(with_outputs(document, [text.replace(str(clone), ".") for text in printed]), encoding="utf-8")


if __name__ == "__main__":
    main()
