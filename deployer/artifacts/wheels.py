"""Build the layer: third-party wheels, pinned by hash, laid out under python/ as Lambda expects.

The layer contains one wheel for each line of the requirements file, identified by its hash. Wheels are downloaded once
for each content of that file and verified on every use: a second run needs no network, and an incomplete or damaged
cache is downloaded again. Files are unchanged, licences and metadata included, so the deployed files can be compared
with the pinned ones. Scripts are left out: nothing on a layer calls them.
"""

import hashlib
import io
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from deployer.artifacts import memo
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
    with started(requirements, cache) as finished:
        return finished()


@contextmanager
def started(requirements: Path, cache: Path) -> Iterator[Callable[[], Package]]:
    """Start to download what the cache lacks; yield a function that waits for the layer. Raises as `layer`.

    A download that still runs when the block ends is killed.
    """
    pins = pinned(requirements)
    text = requirements.read_bytes() + f"{PYTHON}/{PLATFORM}".encode()
    directory = cache / hashlib.sha256(text).hexdigest()[:16]
    if cached := _cached(directory, pins):
        yield lambda: _package(cached, directory)
        return
    with tempfile.TemporaryDirectory() as scratch, _download(requirements, Path(scratch)) as downloaded:

        def finished() -> Package:
            downloaded()
            wheels = _verified(requirements, pins, Path(scratch))
            with suppress(OSError):  # the next run downloads again
                _keep(wheels, directory)
            return _package(wheels, directory)

        yield finished


def _package(wheels: Mapping[str, bytes], directory: Path) -> Package:
    name = memo.key(*wheels, *wheels.values())
    return Package("layer", memo.remembered(directory, name, lambda: zip_of(contents(wheels))))


def pinned(requirements: Path) -> Pins:
    """Read what a requirements file pins. Raises Failure(PACKAGING) for a line without version and hashes."""
    if not requirements.is_file():
        raise Failure(
            Exit.PACKAGING, f"{requirements.name} is missing", "it pins the layer's packages: write it with make lock"
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
                path = _layer_path(name)
                if not path or name.endswith("/"):
                    continue
                content = archive.read(name)
                if files.setdefault(f"python/{path}", content) != content:
                    raise Failure(
                        Exit.PACKAGING,
                        f"{distribution} and another pinned package differ in {path}",
                        "pin versions without this conflict in requirements/layer.in",
                    )
    return files


def _layer_path(name: str) -> str | None:
    """Return a wheel file's path in the layer: `X.data/purelib/...` at the top; None for scripts and headers."""
    top, _, rest = name.partition("/")
    if not top.endswith(".data"):
        return name
    kind, _, inner = rest.partition("/")
    return inner if kind in ("purelib", "platlib") else None


def _cached(directory: Path, pins: Pins) -> dict[str, bytes] | None:
    """Return distribution -> its verified wheel; None unless there is exactly one for each. Ignores other files.

    Two pinned wheels of one distribution are for different platforms; a hash does not identify the platform.
    """
    try:
        contents = [path.read_bytes() for path in directory.glob("*.whl")]
    except OSError:
        return None
    by_hash = {hashlib.sha256(content).hexdigest(): content for content in contents}
    found = {name: [by_hash[digest] for digest in hashes & by_hash.keys()] for name, hashes in pins.items()}
    complete = all(len(wheels) == 1 and zipfile.is_zipfile(io.BytesIO(wheels[0])) for wheels in found.values())
    return {name: wheels[0] for name, wheels in found.items()} if complete else None


def _verified(requirements: Path, pins: Pins, downloaded: Path) -> dict[str, bytes]:
    wheels = _cached(downloaded, pins)
    if not wheels:
        raise Failure(
            Exit.PACKAGING,
            f"the downloaded wheels do not match the pins in {requirements.name}, one for each",
            "make lock pins the current versions",
        )
    return wheels


def _keep(wheels: Mapping[str, bytes], directory: Path) -> None:
    """Write the cache directory atomically; it replaces a damaged one."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent) as scratch:
        new, old = Path(scratch) / "new", Path(scratch) / "old"
        new.mkdir()
        for name, content in wheels.items():
            (new / f"{name}.whl").write_bytes(content)
        with suppress(FileNotFoundError):
            directory.rename(old)
        new.rename(directory)


@contextmanager
def _download(requirements: Path, directory: Path) -> Iterator[Callable[[], None]]:
    """Download into an empty directory, with pip and its ordinary configuration; yield a function that waits for it."""
    options = (
        "--quiet --disable-pip-version-check --no-input --require-hashes --no-deps --only-binary=:all: "
        f"--implementation cp --python-version {PYTHON} --platform {PLATFORM}"
    )
    paths = ["--dest", str(directory), "--requirement", str(requirements)]
    command = [sys.executable, "-m", "pip", "download", *options.split(), *paths]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)

        def downloaded() -> None:
            if process.wait():
                said.seek(0)
                raise Failure(
                    Exit.PACKAGING,
                    f"pip could not download the layer's packages: {_reason(said.read().decode(errors='replace'))}",
                    "only this step needs the package index, and only once; check the network and pip's configuration",
                )

        with process:
            try:
                yield downloaded
            finally:
                process.kill()


def _reason(stderr: str) -> str:
    """Return pip's last error line, without the address of the package index."""
    errors = [line.removeprefix("ERROR: ") for line in stderr.splitlines() if line.startswith("ERROR:")]
    lines = errors or [line for line in stderr.splitlines() if line.strip()] or ["no reason given"]
    return re.sub(r"https?://\S+", "<index>", lines[-1]).strip()
