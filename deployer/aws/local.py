"""Start and stop the local emulator, and locate its files."""

import os
from pathlib import Path

from deployer.errors import Exit, Failure

STATE_VARIABLE = "FOOD_DELIVERY_LOCAL_DIR"
ACCOUNT = "000000000000"
"""Of the emulator. Roles of other accounts do not exist there."""
CACHE_VARIABLE = "FOOD_DELIVERY_CACHE_DIR"


def state_directory(root: Path, option: Path | None) -> Path:
    """Return the emulator's state directory: --local-dir, else the environment variable, else .local/emulator."""
    return Path(os.path.realpath(option or os.environ.get(STATE_VARIABLE) or root / ".local" / "emulator"))


def cache_directory(root: Path) -> Path:
    """Return the directory of downloaded wheels and clean lint results, shared by all deployments from `root`."""
    return Path(os.environ.get(CACHE_VARIABLE) or root / ".local").resolve()


def start(directory: Path) -> dict[str, str]:
    """Start the emulator in the background unless it is running; return the variables to reach it.

    Raises Failure(EMULATOR).
    """
    from emulator import control

    try:
        return control.environment(control.start(directory, iam=True))
    except (control.EmulatorError, OSError) as error:
        raise Failure(Exit.EMULATOR, f"the emulator did not start: {error}") from error


def stop(directory: Path) -> bool:
    """Stop the emulator and keep its state; return False if it was not running. Raises Failure(EMULATOR)."""
    from emulator import control

    try:
        return control.stop(directory)
    except (control.EmulatorError, OSError) as error:
        raise Failure(Exit.EMULATOR, f"the emulator did not stop: {error}") from error
