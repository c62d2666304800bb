"""The operation that a stack is in: who started it, when, and whether that was this machine.

CloudFormation runs one operation on a stack at a time, so it is the lock of an environment. What it does
not say is whose it is. Every event of an operation carries the ClientRequestToken of the call that
began it, and a token may be any text, so ours say it.
"""

import os
import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from deployer.aws.session import Aws
from deployer.stacks import events, reading
from deployer.stacks.events import Event
from deployer.stacks.stack_status import StackStatus

_BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS")
_TOKEN = re.compile(r"deploy--(?P<who>.+?)--(?P<host>.+?)--(?P<pid>\d+)--\d{8}T\d{6}Z--[0-9a-f]{8}")
_NO_NAME = re.compile(r"botocore-session-\d+|aws-go-sdk-\d+|\d+")


@dataclass(frozen=True)
class Starter:
    """Who began an operation with this program: a person or role, on which machine, in which process."""

    who: str
    host: str
    pid: int

    def __str__(self) -> str:
        return f"{self.who} on {self.host}"


@dataclass(frozen=True)
class Operation:
    """What a stack does, or did last. `begun`: the status that it began with, such as UPDATE_IN_PROGRESS;
    `status`: where the stack stands. `starter` is None when something else than this program began it.
    `token`: of the call that began it."""

    stack_id: str
    begun: str
    status: StackStatus
    since: datetime
    starter: Starter | None
    token: str = ""

    @property
    def who(self) -> str:
        return str(self.starter) if self.starter else "somebody, by other means than this program"

    @property
    def is_deployment(self) -> bool:
        """A creation or an update: neither a deletion nor a rollback that somebody asked for."""
        return self.begun in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")


def token(caller: str) -> str:
    """For one operation: a ClientRequestToken (128 characters at most) that says who, where and when.

    `caller` is the ARN of GetCallerIdentity. A call repeated with the same token begins nothing new, so each
    operation wants its own: CloudFormation refuses the token of another.
    """
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    return f"deploy--{name_of(caller)}--{_host()}--{os.getpid()}--{now}--{secrets.token_hex(4)}"


def starter(token: str) -> Starter | None:
    """Who is behind a token; None when it is not one of ours."""
    found = _TOKEN.fullmatch(token)
    return Starter(found["who"], found["host"], int(found["pid"])) if found else None


def name_of(caller: str) -> str:
    """The user's or session's name in an STS ARN; the role's where a session has none of its own."""
    parts = caller.split("/")
    name = parts[-2] if len(parts) > 2 and _NO_NAME.fullmatch(parts[-1]) else parts[-1].split(":")[-1]
    return _plain(name, 40)


def current(aws: Aws, stack: str) -> Operation | None:
    """The operation that runs on the stack; None when none does. Reads no further back than its beginning."""
    found = last(aws, stack)
    return found if found and found.status.is_running else None


def last(aws: Aws, stack: str) -> Operation | None:
    """The operation that runs on the stack or ran last; None for a stack that does not exist, or never had one."""
    described = reading.describe(aws, stack)
    found = described and events.back_to(aws.client("cloudformation"), described["StackId"], is_beginning)
    if not found:
        return None
    begun = found[-1]
    status = reading.status_of(described)
    return Operation(described["StackId"], begun.status, status, begun.time, starter(begun.token), begun.token)


def is_beginning(event: Event) -> bool:
    """The first event of an operation on the stack itself; a rollback by itself belongs to what failed."""
    return event.of_the_stack and (event.status in _BEGINNINGS or event.reason == "User Initiated")


def is_resumable(operation: Operation, caller: str, lives: Callable[[int], bool] | None = None) -> bool:
    """Whether it is the caller's own, begun by a run on this machine that is no more: one to resume."""
    mine = operation.starter
    return bool(mine and (mine.who, mine.host) == (name_of(caller), _host()) and not (lives or _lives)(mine.pid))


def _lives(pid: int) -> bool:
    if pid == os.getpid():
        return False  # this very run: it lost sight of its own operation
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
    """As a token allows: letters, digits and single hyphens."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", text).strip("-")[:most].rstrip("-") or "unknown"
