"""The file that --outputs-file names: checked before anything is done, written whole or not at all."""

import contextlib
import json
import os
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path

from deployer.errors import Exit, Failure


def check(path: Path | None) -> None:
    """Failure(USAGE) with what to do if it cannot be written: known before a deployment, not after."""
    if path is None:
        return
    problem = _problem(path)
    if problem:
        raise Failure(Exit.USAGE, f"--outputs-file {path}: {problem[0]}", problem[1])


def _problem(path: Path) -> tuple[str, str] | None:
    """What is wrong, and what to do. Links are followed, as writing does."""
    try:
        if path.is_dir():
            return "is a directory", "name a file in it"
        if path.exists() and not os.access(path, os.W_OK):
            return "cannot be written", "change its permissions, or name another file"
        if _is_written_in_place(path):
            return None
        if path.is_symlink() and not path.exists():
            return f"a link to {path.resolve()}, which does not exist", "make that file, or remove the link"
        directory = path.resolve().parent
        if not directory.exists():
            return f"directory {directory} does not exist", f"make it: mkdir -p {shlex.quote(str(directory))}"
        if not directory.is_dir():
            return f"{directory} is not a directory", "name a file in a directory"
        if not os.access(directory, os.W_OK | os.X_OK):
            return f"directory {directory} cannot be written", "change its permissions, or name another file"
    except (OSError, RuntimeError, ValueError) as error:  # a name too long, a cycle of links, a NUL
        return str(error), "name another file"
    return None


def _is_written_in_place(path: Path) -> bool:
    """A device, a FIFO, a socket; and what a shell has redirected, which must stay the file that it has open."""
    return path.exists() and (not path.is_file() or str(path.absolute()).startswith(("/dev/", "/proc/")))


def write(path: Path, outputs: Mapping[str, str]) -> None:
    """JSON, readable by its owner only, for it may hold an API key. A link is followed and kept; what is not a
    regular file, such as /dev/stdout or a FIFO, is written in place. Failure(FAILED) if it cannot be written.
    """
    text = json.dumps(dict(sorted(outputs.items())), indent=2) + "\n"
    try:
        if _is_written_in_place(path):
            with path.open("a", encoding="utf-8") as file:  # after what is there, if that is a file after all
                file.write(text)
        else:
            _replace(path.resolve(), text)
    except OSError as error:
        raise Failure(
            Exit.FAILED,
            f"the outputs could not be written to {path}: {error.strerror}; what is deployed stays deployed",
            "read them with --outputs",
        ) from error


def _replace(path: Path, text: str) -> None:
    """At once: whoever reads it sees the old or the new. The scratch file goes, also if this is interrupted."""
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:64]}.")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(scratch, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(scratch)
        raise
