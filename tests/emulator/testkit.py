"""One emulator for tests: the account that it emulates, and its process."""

from config import environment
from conformance.account import Account
from deployer.aws import session
from emulator import control
from tests.waiting import HANGS, eventually

PATIENT = 20.0
"""How much longer than on a quiet machine the tests wait for what must happen."""
HASTY = 0.5
"""The same for what need not happen: a probe that fails without its patch."""


class Emulated(Account):
    """One emulator, as its administrator sees it."""

    def __init__(self, emulator: control.Emulator, wait_factor: float = PATIENT):
        self.emulator = emulator
        aws = session.connect_local(environment.load("dev"), control.environment(emulator))
        super().__init__(aws, "conformance-test", wait_factor)


def until(condition, hangs: float = HANGS):
    """Wait until the condition is true, and return what it returned."""
    return eventually(condition, hangs=hangs)
