"""Zip files that are a function of their content alone.

The guarantee: the same names and bytes give the same zip, byte for byte, on any machine, Python
and zlib. Entries are sorted and stored, not deflated: deflate's output differs between zlib
builds (zlib, zlib-ng, each version), and at these sizes (code tens of kB, layer 4 MB) stored
costs a moment of upload, once. Times, permissions and the creating system are constants.
So the SHA-256 of the zip is the content's address, and it is the object's key.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("contract", "domain", "handlers")
"""What runs in Lambda from this checkout."""

_SKIPPED_DIRECTORIES = {"__pycache__", "tests"}
_SKIPPED_SUFFIXES = {".pyc", ".pyo", ".pyi", ".orig", ".rej", ".swp"}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can say
_READABLE_FILE = 0o100644 << 16  # Lambda runs as another user: everything must be world-readable
_UNIX = 3


@dataclass(frozen=True)
class Package:
    """A zip and its content address."""

    name: str
    content: bytes

    @property
    def key(self) -> str:
        return f"packages/{self.name}-{hashlib.sha256(self.content).hexdigest()}.zip"


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """Archive name -> bytes, as a zip that depends on nothing else."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = _READABLE_FILE
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def sources(root: Path, packages: Iterable[str] = PACKAGES) -> dict[str, bytes]:
    """Archive name -> bytes of every source file of the packages: code and data, no tests, no caches.

    Raises FileNotFoundError for a package that is not there.
    """
    files = {}
    for package in packages:
        if not (root / package / "__init__.py").is_file():
            raise FileNotFoundError(f"{package}/__init__.py")
        for path in (root / package).rglob("*"):
            relative = path.relative_to(root)
            if path.is_file() and _belongs(relative):
                files[relative.as_posix()] = path.read_bytes()
    return files


def _belongs(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return (
        not hidden
        and not _SKIPPED_DIRECTORIES & set(path.parts)
        and path.suffix not in _SKIPPED_SUFFIXES
        and not path.name.endswith("~")
    )


def functions(root: Path) -> Package:
    """Our own code, one zip for every function."""
    return Package("functions", zip_of(sources(root)))
