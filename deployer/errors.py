"""How a run ends: the exit codes, and the one exception that carries one."""

from enum import IntEnum


class Exit(IntEnum):
    """What deploy.py returns to the shell. Part of the interface: add, never renumber."""

    OK = 0
    FAILED = 1
    USAGE = 2
    PREFLIGHT = 3
    LINT = 4
    REFUSED = 5
    EMULATOR = 6
    PACKAGING = 7
    BUG = 70
    INTERRUPTED = 130


MEANING = {
    Exit.OK: "done: deployed, nothing to change, what was asked for was shown or moved, or a file imported whole",
    Exit.FAILED: "the deployment failed; CloudFormation rolled it back unless the message says otherwise; or messages stayed behind, or not every record of a file was queued",
    Exit.USAGE: "wrong arguments or configuration; a file that cannot be imported; no such dead-letter queue, or one that cannot be redriven",
    Exit.PREFLIGHT: "credentials, account, region, permission, limits or the stack's state stand in the way",
    Exit.LINT: "the templates cannot be rendered, or cfn-lint found errors in them",
    Exit.REFUSED: "not confirmed, or data would be replaced or deleted without --allow-replace",
    Exit.EMULATOR: "the local emulator could not be started, reached or stopped",
    Exit.PACKAGING: "the packages could not be built or downloaded",
    Exit.BUG: "unexpected error; --debug shows where",
    Exit.INTERRUPTED: "interrupted",
}


class Failure(Exception):
    """A run that ends here: an exit code, one line for a person, what to do next.

    `report`: what a program is told besides, by --output json.
    """

    def __init__(self, code: Exit, message: str, hint: str = "", report: dict | None = None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.report = report or {}
