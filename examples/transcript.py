"""Run the commands that a document shows and write down what they print: `python -m examples.transcript FILE`.

In each ```console block, a line `$ command` is run and what stands below it is replaced by what it printed. All
commands of a document share one bash, in a clone of the last commit, with an emulator of its own that is stopped at the
end. Whoever wants to show less of an output pipes it, where the reader can see it.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from deployer.aws import isolated

ROOT = Path(__file__).resolve().parent.parent
MARK = "\x1e"
"""Between the outputs of two commands: no program of ours prints it."""

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(document: str) -> list[str]:
    """Every command of the document, in order."""
    return [line[2:] for block in _BLOCK.findall(document) for line in block.splitlines() if line.startswith("$ ")]


def with_outputs(document: str, outputs: list[str]) -> str:
    """The document with each command's output below it. Raises ValueError when their numbers differ."""
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


def run(lines: list[str], directory: Path, environment: dict[str, str], tell: Callable[[str], None]) -> list[str]:
    """What each command printed, both streams together; a failing command stops nothing."""
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
        return _outputs(shell.stdout, lines, tell)


def _outputs(stream, lines: list[str], tell: Callable[[str], None]) -> list[str]:
    collected: list[list[str]] = [[]]
    for line in stream:
        if line == f"{MARK}\n":
            tell(lines[len(collected) - 1])
            collected.append([])
        else:
            collected[-1].append(line)
    return ["".join(output) for output in collected[1:]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.transcript", description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="a document with console blocks, such as docs/commands.md")
    file = parser.parse_args().file
    document = file.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "food-delivery-platform"
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        environment = {
            **isolated.environment(os.environ),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "COLUMNS": "110",
            "FOOD_DELIVERY_CACHE_DIR": str(ROOT / ".local"),  # wheels are downloaded once
        }
        try:
            printed = run(commands(document), clone, environment, lambda line: print(f"$ {line}", file=sys.stderr))
        finally:
            stop = [sys.executable, "deploy.py", "--local", "--stop"]
            subprocess.run(stop, cwd=clone, env=environment, stdout=subprocess.DEVNULL, check=True)
    file.write_text(with_outputs(document, [text.replace(str(clone), ".") for text in printed]), encoding="utf-8")


if __name__ == "__main__":
    main()
