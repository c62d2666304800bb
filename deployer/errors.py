"""Exit codes, and the exception that carries one."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of deploy.py. Part of the interface: add, never renumber."""

    OK = 0
    FAILED = 1
    USAGE = 2
    DIFFERENCES = 2  # --detailed-exitcode, as in terraform
    PREFLIGHT = 3
    LINT = 4
    REFUSED = 5
    EMULATOR = 6
    PACKAGING = 7
    BUG = 70
    INTERRUPTED = 130


MEANING = {
    Exit.OK: "done, or nothing to do",
    Exit.FAILED: "failed: a deployment (rolled back unless the message says otherwise), a smoke test, a part of an import",
    Exit.USAGE: "wrong arguments or configuration; with --detailed-exitcode: there are changes, or drift",
    Exit.PREFLIGHT: "the deployment is blocked: credentials, account, limits, the stack's state, another deployment, no answer from AWS",
    Exit.LINT: "the templates cannot be rendered, or cfn-lint failed or found errors in them",
    Exit.REFUSED: "refused: not confirmed, data would be lost, an alarm is in ALARM, or a saved plan no longer fits",
    Exit.EMULATOR: "the local emulator could not be started, reached or stopped",
    Exit.PACKAGING: "the packages could not be built or downloaded",
    Exit.BUG: "unexpected error; --debug shows where",
    Exit.INTERRUPTED: "interrupted",
}


class Failure(Exception):
    """Ends the run with an exit code, a message in one line, and a hint: what to do next.

    `report`: more keys for --output json.
    """

    def __init__(self, code: Exit, message: str, hint: str = "", report: dict | None = None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.report = report or {}

    def add(self, text: str) -> None:
        """Append to the message."""
        self.message += f"; {text}"
        self.args = (self.message,)
