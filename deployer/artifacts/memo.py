"""Keep results that take long to compute in files, named by a hash of everything they depend on.

A file begins with the hash of its content, so a damaged one is computed again. A directory that cannot be written
only costs time.
"""

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

KEPT = 50
"""Files that stay in a directory; the oldest are deleted."""

_SUFFIX = ".memo"
_DIGEST = hashlib.sha256().digest_size


def key(*inputs: str | bytes) -> str:
    """Return the name of the result of these inputs, which also depends on Python, the packages and this program."""
    digest = hashlib.sha256()
    for each in (installed(), *program(), *inputs):
        content = each.encode() if isinstance(each, str) else each
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


@cache
def installed() -> str:
    """Return Python's version and those of all packages: by the names of their directories, which costs no import."""
    folders = [Path(entry) for entry in sys.path if os.path.isdir(entry) and os.access(entry, os.R_OK)]
    names = {name for folder in folders for name in os.listdir(folder) if name.endswith((".dist-info", ".egg-info"))}
    return " ".join([sys.version, *sorted(names)])


@cache
def program() -> tuple[bytes, ...]:
    """Return the modules that compute results, all in this folder: another one may compute another result."""
    return tuple(path.read_bytes() for path in modules(Path(__file__).parent))


def modules(folder: Path) -> list[Path]:
    """Return the modules in and below the folder, sorted. An editor's lock file is a link to nothing, and none of them."""
    found = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names if name.endswith(".py"))
    return sorted(path for path in found if path.is_file())


def remembered(directory: Path, name: str, compute: Callable[[], bytes]) -> bytes:
    """Return the result `name` of the directory; compute it if it is not there."""
    content = read(directory, name)
    if content is None:
        content = compute()
        write(directory, name, content)
    return content


def read(directory: Path, name: str) -> bytes | None:
    """Return the result, None if there is none or it is damaged."""
    try:
        stored = _file(directory, name).read_bytes()
    except OSError:
        return None
    content = stored[_DIGEST:]
    return content if stored[:_DIGEST] == hashlib.sha256(content).digest() else None


def write(directory: Path, name: str, content: bytes) -> None:
    """Store the result atomically, if possible."""
    with contextlib.suppress(OSError):
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory) as scratch:  # nothing is left of it if the disk is full
            new = Path(scratch) / "new"
            new.write_bytes(hashlib.sha256(content).digest() + content)
            new.replace(_file(directory, name))
        newest = sorted(directory.glob(f"*{_SUFFIX}"), key=os.path.getmtime, reverse=True)
        for old in newest[KEPT:]:
            old.unlink(missing_ok=True)


def _file(directory: Path, name: str) -> Path:
    return directory / f"{name}{_SUFFIX}"
