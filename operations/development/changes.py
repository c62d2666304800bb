"""What the local version consists of, by content: what an event of the file system means is decided by comparison.

So it does not matter how an editor saves, which temporary files it makes, or how many files a `git checkout` writes.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from deployer.artifacts import memo, packaging, rendering

FOLDERS = tuple(sorted({*packaging.PACKAGES, *rendering.SOURCES}))
"""The packages whose modules are watched."""

Sources = Mapping[str, bytes]
"""Path below the project -> hash of the content."""


def sources(root: Path, environment: str) -> Sources:
    """Return all files from which the functions' package, the templates and their parameters are made."""
    return {path.relative_to(root).as_posix(): _hash(path) for path in _files(root, environment)}


def watched(root: Path) -> list[Path]:
    """Return the folders of these files: a watch on a file itself ends when an editor replaces it."""
    folders = [root / name for name in (*FOLDERS, "environments", "requirements")]
    return [folder for folder in folders if folder.is_dir()]


def between(before: Sources, after: Sources) -> list[str]:
    """Return the paths that were added, changed or deleted."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def is_code_only(paths: list[str]) -> bool:
    """Return True if the paths are part of the functions' package and of nothing else."""
    tops = {path.partition("/")[0] for path in paths}
    return tops <= {*packaging.PACKAGES} - {*rendering.SOURCES}


def _files(root: Path, environment: str) -> Iterator[Path]:
    for name in FOLDERS:
        yield from memo.modules(root / name)
    for path in (root / "environments" / f"{environment}.toml", root / "requirements" / "layer.txt"):
        if path.is_file():
            yield path


def _hash(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return b""  # deleted a moment ago, or unreadable, which packaging reports
