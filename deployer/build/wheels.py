"""The layer: third-party wheels, pinned by hash, laid out under python/ as Lambda expects.

Wheels are downloaded once per content of the requirements file and verified again on every use,
so a second run needs no network and a damaged cache is noticed. Their files go in unchanged,
licences and metadata (RECORD too) included: what is deployed can be held against what was pinned.
Only scripts, which nothing on a layer calls, are left out.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from deployer.build.packaging import Package, zip_of
from deployer.errors import Exit, Failure

PYTHON = "3.13"
PLATFORM = "manylinux2014_aarch64"
_PINNED = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def layer(requirements: Path, cache: Path) -> Package:
    """The layer of a hash-pinned requirements file.

    Raises Failure(PACKAGING) when it is missing, unpinned or cannot be downloaded.
    """
    if not requirements.is_file():
        raise Failure(
            Exit.PACKAGING, f"{requirements.name} is missing", "it pins the layer's packages; see requirements/"
        )
    text = requirements.read_bytes()
    pinned = frozenset(_PINNED.findall(text.decode()))
    if not pinned:
        raise Failure(Exit.PACKAGING, f"{requirements.name} pins nothing with --hash=sha256:", "make lock writes it")
    directory = cache / hashlib.sha256(text + f"{PYTHON}/{PLATFORM}".encode()).hexdigest()[:16]
    wheels = _verified(directory, pinned)
    if not wheels:
        _download(requirements, directory)
        wheels = _verified(directory, pinned)
    if not wheels:
        raise Failure(
            Exit.PACKAGING, "the downloaded wheels are not the pinned ones", f"delete {directory} and try again"
        )
    return Package("layer", zip_of(contents(wheels)))


def contents(wheels: list[Path]) -> dict[str, bytes]:
    """Name in the layer -> bytes of all the wheels' files."""
    files = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                place = _place(name)
                if place and not name.endswith("/"):
                    files[f"python/{place}"] = archive.read(name)
    return files


def _place(name: str) -> str | None:
    """Where a wheel's file belongs: `X.data/purelib/...` at the top, scripts and headers nowhere."""
    top, _, rest = name.partition("/")
    if not top.endswith(".data"):
        return name
    kind, _, inner = rest.partition("/")
    return inner if kind in ("purelib", "platlib") else None


def _verified(directory: Path, pinned: frozenset[str]) -> list[Path]:
    """The wheels in the cache, if there are any and every one is pinned."""
    wheels = sorted(directory.glob("*.whl"))
    honest = all(hashlib.sha256(wheel.read_bytes()).hexdigest() in pinned for wheel in wheels)
    return wheels if honest else []


def _download(requirements: Path, directory: Path) -> None:
    """With pip and its ordinary configuration; the directory appears whole or not at all."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(directory, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=directory.parent) as scratch:
        target = Path(scratch) / "wheels"
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
            str(target),
            "--requirement",
            str(requirements),
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise Failure(
                Exit.PACKAGING,
                f"pip could not download the layer's packages: {_reason(result.stderr)}",
                "this is the only step that needs the package index, and only once; check the network and pip's configuration",
            )
        try:
            target.rename(directory)
        except OSError:  # another run was faster; its wheels are verified like ours
            if not directory.is_dir():
                raise


def _reason(stderr: str) -> str:
    """pip's own last error line, without the address of whoever serves the packages."""
    errors = [line.removeprefix("ERROR: ") for line in stderr.splitlines() if line.startswith("ERROR:")]
    lines = errors or [line for line in stderr.splitlines() if line.strip()] or ["no reason given"]
    return re.sub(r"https?://\S+", "<index>", lines[-1]).strip()
