"""The layer: third-party wheels, pinned by hash, laid out under python/ as Lambda expects.

What goes in is exactly what the requirements file pins: one wheel for each line, identified by its hash. Wheels are
downloaded once per content of that file and verified on every use, so a second run needs no network, and a cache in
which a wheel is missing or damaged is downloaded again. Their files go in unchanged, licences and metadata (RECORD too)
included: what is deployed can be compared with what was pinned. Only scripts, which nothing on a layer calls, are left
out.
"""

import hashlib
import io
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from deployer.artifacts.packaging import Package, zip_of
from deployer.errors import Exit, Failure

PYTHON = "3.13"
PLATFORM = "manylinux2014_aarch64"
_HASH = r"--hash=sha256:([0-9a-f]{64})"
_LINE = re.compile(rf"([A-Za-z0-9][\w.-]*)==(\S+)((?:\s+{_HASH})+)")

Pins = Mapping[str, frozenset[str]]
"""Distribution -> the SHA-256 of every file of the pinned version."""


def layer(requirements: Path, cache: Path) -> Package:
    """Build the layer of a hash-pinned requirements file.

    Raises Failure(PACKAGING) when it is missing, unpinned or cannot be downloaded.
    """
    pins = pinned(requirements)
    text = requirements.read_bytes() + f"{PYTHON}/{PLATFORM}".encode()
    directory = cache / hashlib.sha256(text).hexdigest()[:16]
    return Package("layer", zip_of(contents(_cached(directory, pins) or _downloaded(requirements, pins, directory))))


def pinned(requirements: Path) -> Pins:
    """Read what a requirements file pins. Raises Failure(PACKAGING) for a line without version and hashes."""
    if not requirements.is_file():
        raise Failure(
            Exit.PACKAGING, f"{requirements.name} is missing", "it pins the layer's packages; see requirements/"
        )
    text = requirements.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]
    pins = {}
    for line in lines or [""]:
        found = _LINE.fullmatch(line)
        if not found:
            raise Failure(
                Exit.PACKAGING,
                f"{requirements.name} must pin each package as NAME==VERSION --hash=sha256:…, but says {line[:60]!r}",
                "make lock writes it",
            )
        if found[1] in pins:
            raise Failure(Exit.PACKAGING, f"{requirements.name} pins {found[1]} twice", "make lock writes it")
        pins[found[1]] = frozenset(re.findall(_HASH, found[3]))
    return pins


def contents(wheels: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return name in the layer -> bytes, over all files of the wheels, given by distribution.

    Raises Failure(PACKAGING) if two wheels have different files of one name.
    """
    files: dict[str, bytes] = {}
    for distribution, data in wheels.items():
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                place = _place(name)
                if not place or name.endswith("/"):
                    continue
                content = archive.read(name)
                if files.setdefault(f"python/{place}", content) != content:
                    raise Failure(
                        Exit.PACKAGING,
                        f"{distribution} and another pinned package differ in {place}",
                        "pin versions in requirements/layer.in that do not",
                    )
    return files


def _place(name: str) -> str | None:
    """Where a wheel's file belongs: `X.data/purelib/...` at the top, scripts and headers nowhere."""
    top, _, rest = name.partition("/")
    if not top.endswith(".data"):
        return name
    kind, _, inner = rest.partition("/")
    return inner if kind in ("purelib", "platlib") else None


def _cached(directory: Path, pins: Pins) -> dict[str, bytes] | None:
    """Return distribution -> its wheel, or None unless there is exactly one for each. Files that are not pinned are ignored.

    Two pinned wheels of one distribution are for different platforms, and a hash does not say which is ours.
    The bytes that are verified are those that are returned.
    """
    try:
        contents = [path.read_bytes() for path in directory.glob("*.whl")]
    except OSError:
        return None
    by_hash = {hashlib.sha256(content).hexdigest(): content for content in contents}
    found = {name: [by_hash[digest] for digest in hashes & by_hash.keys()] for name, hashes in pins.items()}
    complete = all(len(wheels) == 1 and zipfile.is_zipfile(io.BytesIO(wheels[0])) for wheels in found.values())
    return {name: wheels[0] for name, wheels in found.items()} if complete else None


def _downloaded(requirements: Path, pins: Pins, directory: Path) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as scratch:
        _download(requirements, Path(scratch))
        wheels = _cached(Path(scratch), pins)
    if not wheels:
        raise Failure(
            Exit.PACKAGING,
            f"the downloaded wheels are not those that {requirements.name} pins, one for each",
            "make lock pins the versions of today",
        )
    with suppress(OSError):  # the next run downloads again
        _keep(wheels, directory)
    return wheels


def _keep(wheels: Mapping[str, bytes], directory: Path) -> None:
    """Write the cache: the directory appears with all of its files, in the place of a broken one."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent) as scratch:
        new, old = Path(scratch) / "new", Path(scratch) / "old"
        new.mkdir()
        for name, content in wheels.items():
            (new / f"{name}.whl").write_bytes(content)
        with suppress(FileNotFoundError):
            directory.rename(old)
        new.rename(directory)


def _download(requirements: Path, directory: Path) -> None:
    """Download into an empty directory, with pip and its ordinary configuration."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--require-hashes",
        "--no-deps",
        "--only-binary=:all:",
        "--implementation",
        "cp",
        "--python-version",
        PYTHON,
        "--platform",
        PLATFORM,
        "--dest",
        str(directory),
        "--requirement",
        str(requirements),
    ]
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if result.returncode:
        raise Failure(
            Exit.PACKAGING,
            f"pip could not download the layer's packages: {_reason(result.stderr)}",
            "this is the only step that needs the package index, and only once; check the network and pip's configuration",
        )


def _reason(stderr: str) -> str:
    """pip's own last error line, without the address of whoever serves the packages."""
    errors = [line.removeprefix("ERROR: ") for line in stderr.splitlines() if line.startswith("ERROR:")]
    lines = errors or [line for line in stderr.splitlines() if line.strip()] or ["no reason given"]
    return re.sub(r"https?://\S+", "<index>", lines[-1]).strip()
