"""Build reproducible zip files, named by the hash of their content.

The same names and bytes give the same zip, byte for byte, on any machine and Python, so its SHA-256 serves as the
object's key. Names are sorted; times, permissions and the creating system are constants. Python's zipfile compresses
with the zlib it was built with, whose output differs between versions, so entries are compressed by libdeflate, which
the pinned package `deflate` contains, and written here.
"""

import hashlib
import re
import stat
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import deflate

from deployer.errors import Exit, Failure

PACKAGES = ("contract", "domain", "handlers")
"""The packages of this project that run in Lambda."""

_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LEVEL = 9  # higher levels take much longer for a few per cent

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
    """Return the zip of archive name -> bytes."""
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
    """Return archive name -> bytes of every module of the packages, including modules that are not in git yet.

    Includes only files named like a module, in folders that are packages, except folders named `tests`. Line ends
    are \\n. Raises FileNotFoundError for a missing package, Failure(PACKAGING) for a module that is a link or no
    regular file.
    """
    files = {}
    for package in packages:
        if not (root / package / "__init__.py").is_file():
            raise FileNotFoundError(f"{package}/__init__.py")
        for path in _modules(root / package):
            name = path.relative_to(root).as_posix()
            if not stat.S_ISREG(path.lstat().st_mode):
                raise Failure(
                    Exit.PACKAGING, f"{name} is not a regular file", "packages take no links; copy or move it"
                )
            files[name] = path.read_bytes().replace(b"\r\n", b"\n")
    return files


def _modules(folder: Path) -> Iterator[Path]:
    """Yield the path of every module, and of folders that are links, which the caller refuses."""
    if folder.is_symlink():
        yield folder
        return
    for path in folder.iterdir():
        if path.suffix == ".py" and _MODULE.fullmatch(path.stem):
            yield path
        elif _MODULE.fullmatch(path.name) and path.name != "tests" and (path / "__init__.py").exists():
            yield from _modules(path)


@lru_cache(maxsize=1000)  # a watch compiles what was saved, and not the rest again
def _compile(name: str, source: bytes) -> None:
    try:
        if b"\0" in source:  # Python's message has no line
            raise SyntaxError("null byte", (name, source.count(b"\n", 0, source.index(0)) + 1, None, None))
        with warnings.catch_warnings(action="ignore"):
            compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else str(error) or "nested too deeply"
        raise Failure(
            Exit.PACKAGING, f"{name}{line} does not compile: {said}", "correct it, then run the same command again"
        ) from error


def functions(root: Path) -> Package:
    """Return the package of this project's code, which all functions share. Raises as `sources` and `checked_zip`."""
    return Package("functions", checked_zip(sources(root)))


def checked_zip(files: Mapping[str, bytes]) -> bytes:
    """Return the zip of modules. Raises Failure(PACKAGING) for one that does not compile."""
    for name, source in files.items():
        _compile(name, source)
    return zip_of(files)
