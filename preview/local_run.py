"""Connect to the emulator that deploy.py --local has started, without starting one."""

from pathlib import Path

from config.environment import Environment
from deployer.aws import session
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from emulator import control, ownership
from emulator.control import Emulator


def running(directory: Path) -> Emulator:
    """Return the emulator of a state directory. Raises Failure(EMULATOR or PREFLIGHT) if it does not run."""
    found = control.running(directory)
    if not found and ownership.in_use(directory):
        raise Failure(Exit.EMULATOR, "the emulator runs, but does not answer", "wait, or stop it: make stop")
    if not found:
        raise Failure(Exit.PREFLIGHT, "there is no emulator running", "make run")
    return found


def connect(environment: Environment, emulator: Emulator) -> Aws:
    return session.connect_local(environment, control.environment(emulator))
