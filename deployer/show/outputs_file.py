"""The file of --outputs-file: checked before a deployment, replaced atomically after it."""

import contextlib
import json
import os
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path

from deployer.errors import Exit, Failure


def check(path: Path | None) -> None:
    """Raise Failure(USAGE) if the file cannot be written."""
    if path is None:
        return
    if found := problem(path):
        raise Failure(Exit.USAGE, f"--outputs-file {path}: {found[0]}", found[1])


def problem(path: Path) -> tuple[str, str] | None:
    """Return why a file cannot be written, and what to do; follow links, as `write` does."""
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
    """Whether it is a device, FIFO or socket, or in /dev or /proc, where a replacement would miss a redirection."""
    return path.exists() and (not path.is_file() or str(path.absolute()).startswith(("/dev/", "/proc/")))


def write(path: Path, outputs: Mapping[str, str]) -> None:
    """Write JSON, readable by its owner only, since it may have an API key. Raises Failure(FAILED)."""
    text = json.dumps(dict(sorted(outputs.items())), indent=2) + "\n"
    try:
        if _is_written_in_place(path):
            with path.open("a", encoding="utf-8") as file:  # /dev/stdout may be a regular file
                file.write(text)
        else:
            replace(path.resolve(), text)
    except OSError as error:
        raise Failure(
            Exit.FAILED,
            f"the outputs could not be written to {path}: {error.strerror}; the deployment is not affected",
            "read them with --outputs",
        ) from error


def replace(path: Path, text: str) -> None:
    """Replace the file atomically; delete the scratch file if that fails or is interrupted."""
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:64]}.")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(scratch, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(scratch)
        raise
