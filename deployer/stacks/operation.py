"""The current or last operation of a stack: who started it, when, and whether from this machine.

CloudFormation runs one operation on a stack at a time, so it is the lock of an environment, but it does not record
the owner. Every event of an operation carries the ClientRequestToken of the call that began it, and a token may be
any text, so this program's tokens contain the owner.
"""

import os
import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from deployer.aws import roles
from deployer.aws.session import Aws
from deployer.stacks import events, reading
from deployer.stacks.events import Event
from deployer.stacks.stack_status import StackStatus

_BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS")
_TOKEN = re.compile(r"deploy--(?P<who>.+?)--(?P<host>.+?)--(?P<pid>\d+)--\d{8}T\d{6}Z--[0-9a-f]{8}")


@dataclass(frozen=True)
class Starter:
    """Who began an operation with this program: a user or role, the machine and the process."""

    who: str
    host: str
    pid: int

    def __str__(self) -> str:
        return f"{self.who} on {self.host}"


@dataclass(frozen=True)
class Operation:
    """A stack's current or last operation. `begun`: its first status, such as UPDATE_IN_PROGRESS. `status`: the
    stack's now. `starter`: None if another program began it. `token`: of the call that began it."""

    stack_id: str
    begun: str
    status: StackStatus
    since: datetime
    starter: Starter | None
    token: str = ""

    @property
    def who(self) -> str:
        return str(self.starter) if self.starter else "another program"

    @property
    def is_deployment(self) -> bool:
        """Return True for a creation or an update, False for a deletion or a requested rollback."""
        return self.begun in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")


def token(caller: str) -> str:
    """Return a ClientRequestToken (128 characters at most) with caller, machine, process and time.

    `caller`: the ARN of GetCallerIdentity. Use one token for one operation: a call repeated with the same token does
    not begin another, and CloudFormation refuses the token of an earlier operation.
    """
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    return f"deploy--{name_of(caller)}--{_host()}--{os.getpid()}--{now}--{secrets.token_hex(4)}"


def starter(token: str) -> Starter | None:
    """Parse a token; None if this program did not make it."""
    found = _TOKEN.fullmatch(token)
    return Starter(found["who"], found["host"], int(found["pid"])) if found else None


def name_of(caller: str) -> str:
    """Return `roles.name_of`, as a token allows it."""
    return _plain(roles.name_of(caller), 40)


def current(aws: Aws, stack: str) -> Operation | None:
    """Return the operation in progress on the stack; None if there is none. Reads events back to its beginning."""
    found = last(aws, stack)
    return found if found and found.status.is_running else None


def last(aws: Aws, stack: str) -> Operation | None:
    """Return the stack's current or last operation; None if the stack does not exist or never had one."""
    described = reading.describe(aws, stack)
    if described is None:
        return None
    found = events.back_to(aws.client("cloudformation"), described["StackId"], is_beginning)
    if not found:
        return None
    begun = found[-1]
    status = reading.status_of(described)
    return Operation(described["StackId"], begun.status, status, begun.time, starter(begun.token), begun.token)


def is_beginning(event: Event) -> bool:
    """Return True for the first event of an operation; an automatic rollback belongs to the failed operation."""
    return event.of_the_stack and (event.status in _BEGINNINGS or event.reason == "User Initiated")


def is_resumable(operation: Operation, caller: str, is_alive: Callable[[int], bool] | None = None) -> bool:
    """Return True for the caller's own operation, begun on this machine by a process that has ended."""
    mine = operation.starter
    return bool(mine and (mine.who, mine.host) == (name_of(caller), _host()) and not (is_alive or _is_alive)(mine.pid))


def _is_alive(pid: int) -> bool:
    if pid == os.getpid():
        return False  # this run, which stopped following its own operation
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _host() -> str:
    return _plain(socket.gethostname().split(".")[0], 24)


def _plain(text: str, most: int) -> str:
    """Keep what a token allows: letters, digits and single hyphens."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", text).strip("-")[:most].rstrip("-") or "unknown"
