"""docs/contract-history: a folder for each released version, with the OpenAPI and the AsyncAPI document of then.

The AsyncAPI document has the schemas of events, messages, files and reports, the OpenAPI document those of requests and
answers.
"""

import json
import re
from pathlib import Path
from typing import NamedTuple

from generator import asyncapi, openapi

FOLDER = "docs/contract-history"
_PARTS = {"openapi": "paths", "asyncapi": "channels"}
"""What each document of a contract has."""
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


class HistoryError(Exception):
    """A version or a released contract that cannot be read; the message is a sentence."""


class Version(NamedTuple):
    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return ".".join(map(str, self))


class Contract(NamedTuple):
    openapi: dict
    asyncapi: dict

    @property
    def files(self) -> dict[str, str]:
        """Name of a file -> content."""
        return {
            f"{name}.json": json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
            for name, document in self._asdict().items()
        }


def version(text: str) -> Version:
    """Return the parts of a version. Raises HistoryError."""
    found = _VERSION.fullmatch(text)
    if not found:
        raise HistoryError(f"{text!r} is no version: expected three numbers, as in 1.2.0")
    return Version(*map(int, found.groups()))


def present() -> Contract:
    return Contract(openapi.document(), asyncapi.document())


def versions(root: Path) -> list[Version]:
    """Return the released versions, the newest last. Raises HistoryError for a folder with another name."""
    return sorted(version(each.name) for each in (root / FOLDER).glob("[0-9]*") if each.is_dir())


def read(root: Path, released: Version) -> Contract:
    """Return a released contract. Raises HistoryError."""
    return Contract(*(_document(root, f"{FOLDER}/{released}/{name}.json", _PARTS[name]) for name in Contract._fields))


def _document(root: Path, path: str, part: str) -> dict:
    try:
        document = json.loads((root / path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else f"it is no JSON ({error})"
    else:
        if isinstance(document, dict) and isinstance(document.get(part), dict):
            return document
        why = f"it has no {part}"
    raise HistoryError(f"{path} cannot be read: {why}; restore the file, which never changes: git checkout -- {path}")


def write(root: Path, released: Version, contract: Contract) -> list[Path]:
    """Write a version's folder, whole or not at all. Raises FileExistsError if it exists: what is released stays."""
    folder = root / FOLDER / str(released)
    if folder.exists():
        raise FileExistsError(folder)
    unfinished = folder.with_name(f".{released}")
    unfinished.mkdir(parents=True, exist_ok=True)
    for name, text in contract.files.items():
        (unfinished / name).write_text(text, encoding="utf-8")
    unfinished.rename(folder)
    return [folder / name for name in contract.files]
