"""Zip files that are a function of their content alone.

The guarantee: the same names and bytes give the same zip, byte for byte, on any machine and Python.
So the SHA-256 of the zip is the content's address, and it is the object's key. Names are sorted;
times, permissions and the creating system are constants. Python's own zipfile would deflate with
whatever zlib it was built with (zlib, zlib-ng, each version differs), so the entries are compressed
by libdeflate, which the pinned package `deflate` carries inside, and written here.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import deflate

PACKAGES = ("contract", "domain", "handlers")
"""What runs in Lambda from this checkout."""

_SKIPPED_DIRECTORIES = {"__pycache__", "tests"}
_SKIPPED_SUFFIXES = {".pyc", ".pyo", ".pyi", ".orig", ".rej", ".swp"}
LEVEL = 9  # beyond, libdeflate takes much longer for a few per cent

# PKWARE's APPNOTE.TXT, 4.3.7, 4.3.12 and 4.3.16: header of an entry, of its line in the directory, the end.
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_NEEDS = 20  # version 2.0, for deflate
_MADE_BY = 3 << 8 | _NEEDS  # Unix, whose permissions follow
_UTF8 = 1 << 11
_DEFLATED = 8
_NO_TIME, _FIRST_DATE = 0, 1 << 5 | 1  # midnight of 1980-01-01, the earliest that a zip can say
_READABLE_FILE = 0o100644 << 16  # Lambda runs as another user: everything must be world-readable


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
    entries, directory = bytearray(), bytearray()
    for name in sorted(files):
        offset = len(entries)
        content = bytes(deflate.deflate_compress(files[name], LEVEL))
        sizes = zlib.crc32(files[name]), len(content), len(files[name])
        encoded = name.encode()
        common = _NEEDS, _UTF8, _DEFLATED, _NO_TIME, _FIRST_DATE, *sizes, len(encoded), 0
        entries += _LOCAL.pack(b"PK\x03\x04", *common) + encoded + content
        directory += _CENTRAL.pack(b"PK\x01\x02", _MADE_BY, *common, 0, 0, 0, _READABLE_FILE, offset) + encoded
    end = _END.pack(b"PK\x05\x06", 0, 0, len(files), len(files), len(directory), len(entries), 0)
    return bytes(entries + directory) + end


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
