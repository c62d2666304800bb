"""`python -m generator.compatibility`: compare the contract with the newest released one, or release it."""

import argparse
import sys
from pathlib import Path

from contract import VERSION
from generator.compatibility import gate, history
from generator.compatibility.gate import Comparison
from generator.compatibility.history import FOLDER, HistoryError, Version

ROOT = Path(__file__).resolve().parents[2]
SHOWN = 20
"""Additions; breaking changes are all shown."""
WHAT_TO_DO = (
    "Undo it, or raise VERSION in contract/__init__.py, describe the change in CHANGELOG.md and run"
    " `python -m generator`; docs/versioning.md has the rules."
)


def main(arguments: list[str] | None = None, root: Path = ROOT, version: str = VERSION) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m generator.compatibility",
        description="Compare the contract with the newest released one: every change must be one that the version allows.",
        epilog="Exit codes: 0 the version allows the changes, or it is released; 1 it does not.",
    )
    parser.add_argument("--release", action="store_true", help=f"write the contract to {FOLDER}/<version>")
    release = parser.parse_args(arguments).release
    try:
        return _judge(release, root, version)
    except HistoryError as error:
        return _fail(f"{error}.")


def _judge(release: bool, root: Path, version: str) -> int:
    present = history.version(version)
    contract = history.present()
    released = history.versions(root)
    if not released:
        return _release(root, present, contract) if release else _fail("no version is released; use --release")
    newest = released[-1]
    comparison = gate.compare(history.read(root, newest), contract)
    problem = gate.problem(present, newest, comparison)
    if problem:
        _show(comparison, newest)
        return _fail(f"{problem}.\n{WHAT_TO_DO}")
    return _release(root, present, contract) if release else 0


def _release(root: Path, version: Version, contract: history.Contract) -> int:
    try:
        files = history.write(root, version, contract)
    except FileExistsError:
        return _fail(f"{FOLDER}/{version} exists: a released contract does not change; raise the version")
    except OSError as error:
        return _fail(f"{error.filename} cannot be written: {error.strerror}")
    for path in files:
        print(path.relative_to(root))
    return 0


def _show(comparison: Comparison, newest: Version) -> None:
    for change in comparison.breaking:
        print(change)
    if comparison.breaking:
        return
    print(f"Since {newest}:")
    for place in comparison.additions[:SHOWN]:
        print(f"  {place}")
    if len(comparison.additions) > SHOWN:
        print(f"  and {len(comparison.additions) - SHOWN} more")


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
