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
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


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
    """Return the parts of a version. Raises ValueError."""
    found = _VERSION.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no version: expected three numbers, as in 1.2.0")
    return Version(*map(int, found.groups()))


def present() -> Contract:
    return Contract(openapi.document(), asyncapi.document())


def versions(root: Path) -> list[Version]:
    """Return the released versions, the newest last."""
    return sorted(version(each.name) for each in (root / FOLDER).glob("[0-9]*") if each.is_dir())


def read(root: Path, released: Version) -> Contract:
    folder = root / FOLDER / str(released)
    return Contract(*(json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in Contract._fields))


def write(root: Path, released: Version, contract: Contract) -> list[Path]:
    """Write a version's folder. Raises FileExistsError if it exists: what is released does not change."""
    folder = root / FOLDER / str(released)
    folder.mkdir(parents=True)
    for name, text in contract.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in contract.files]
