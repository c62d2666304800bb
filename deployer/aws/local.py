"""The emulator of this checkout, as the deployer sees it."""

import os
from pathlib import Path

from deployer.errors import Exit, Failure

STATE_VARIABLE = "FOOD_DELIVERY_LOCAL_DIR"
CACHE_VARIABLE = "FOOD_DELIVERY_CACHE_DIR"


def state_directory(root: Path, option: Path | None) -> Path:
    """The emulator's state: --local-dir, else the environment variable, else .local/emulator in the checkout."""
    return Path(os.path.realpath(option or os.environ.get(STATE_VARIABLE) or root / ".local" / "emulator"))


def cache_directory(root: Path) -> Path:
    """Downloaded wheels and clean lint results; shared by all deployments from this checkout."""
    return Path(os.environ.get(CACHE_VARIABLE) or root / ".local").resolve()


def start(directory: Path) -> dict[str, str]:
    """The variables of a running emulator, started in the background if it was not running."""
    from emulator import control

    try:
        return control.environment(control.start(directory, iam=True))
    except (control.EmulatorError, OSError) as error:
        raise Failure(Exit.EMULATOR, f"the emulator did not start: {error}") from error


def stop(directory: Path) -> bool:
    """End it, keeping its state; False when it was not running."""
    from emulator import control

    try:
        return control.stop(directory)
    except (control.EmulatorError, OSError) as error:
        raise Failure(Exit.EMULATOR, f"the emulator did not stop: {error}") from error
