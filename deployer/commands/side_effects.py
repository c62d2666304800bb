"""Say what a run has changed, from the calls that it sent. Pure.

How an operation on a stack ends is not said here: whoever watches it says that.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from deployer.aws import service_errors
from deployer.aws.sent import Answer, Write
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure

NOTHING = "nothing was changed"

_AGAIN = "run the same command again: it resumes what goes on, or does what is missing"
_SPEAKS_OF_THE_STACK = (Exit.FAILED, Exit.INTERRUPTED)
"""A Failure of this program that ends an operation on the stack with one of these says how the stack is."""


class _Deed(NamedTuple):
    """What an operation does. `of`: the parameter that names what it does it to; `counted`: what is only counted."""

    words: str
    of: str = ""
    counted: str = ""


_SET_UP = _Deed("set up bucket", "Bucket")
_DEEDS = {
    "CancelUpdateStack": _Deed("cancelled the update of stack", "StackName"),
    "ContinueUpdateRollback": _Deed("began to continue the rollback of stack", "StackName"),
    "CreateBucket": _Deed("made bucket", "Bucket"),
    "DeleteBucket": _Deed("deleted bucket", "Bucket"),
    "DeleteLogGroup": _Deed("deleted", counted="log group"),
    "DeleteObjects": _Deed("deleted objects in bucket", "Bucket"),
    "DeleteParameters": _Deed("deleted the feature flags"),
    "DeleteQueue": _Deed("deleted queue", "QueueUrl"),
    "DeleteRole": _Deed("deleted role", "RoleName"),
    "DeleteStack": _Deed("began to delete stack", "StackName"),
    "DeleteTable": _Deed("deleted table", "TableName"),
    "DetachRolePolicy": _Deed("detached policies from role", "RoleName"),
    "ExecuteChangeSet": _Deed("began to execute change set", "ChangeSetName"),
    "PutBucketEncryption": _SET_UP,
    "PutBucketLifecycleConfiguration": _SET_UP,
    "PutBucketPolicy": _SET_UP,
    "PutBucketVersioning": _SET_UP,
    "PutObject": _Deed("uploaded", counted="object"),
    "PutParameter": _Deed("wrote parameter", "Name"),
    "PutPublicAccessBlock": _SET_UP,
    "RollbackStack": _Deed("began to roll back stack", "StackName"),
    "UpdateAccount": _Deed("unset API Gateway's logging role"),
    "UpdateTable": _Deed("lifted the deletion protection of table", "TableName"),
}
"""By operation. One that is not here is named as it is."""


def sentence(sent: Iterable[Write]) -> str:
    """What was changed by calls that were not refused: `aws.sent.Sent`, or a part of it."""
    writes = list(sent)
    effects = [*_deeds(writes), *_left(writes)]
    if not effects:
        return NOTHING
    listed = " and ".join(filter(None, (", ".join(effects[:-1]), effects[-1])))
    if any(write.token for write in writes):
        return f"this run {listed}"
    return f"the stack was not changed, but this run {listed}"


def _deeds(writes: Iterable[Write]) -> Iterator[str]:
    """In order of time, each once."""
    deeds = [
        (_DEEDS.get(write.operation) or _Deed(f"called {write.service}:{write.operation}"), write) for write in writes
    ]
    counts = Counter((deed, name_of(write, deed.of), write.answer) for deed, write in deeds if not _prepares(write))
    for (deed, name, answer), count in counts.items():
        counted = deed.counted and f"{count} {deed.counted}{'s' * (count > 1)}"
        yield " ".join(filter(None, ("perhaps" * (answer is Answer.UNKNOWN), deed.words, name, counted)))


def _prepares(write: Write) -> bool:
    """Whether it makes or removes a change set, or the empty stack that one hangs on: `_left` tells of those."""
    return write.operation in ("CreateChangeSet", "DeleteChangeSet") or (
        write.operation == "DeleteStack" and not write.token
    )


def _left(writes: Iterable[Write]) -> Iterator[str]:
    """Change sets that were neither executed nor removed, and the empty stack that one hung on."""
    executed = {name_of(write, "ChangeSetName") for write in writes if write.operation == "ExecuteChangeSet"}
    done = [write for write in writes if write.answer is Answer.DONE]
    removed = {name_of(write, "ChangeSetName") for write in done if write.operation == "DeleteChangeSet"}
    emptied = any(write.operation == "DeleteStack" for write in done)
    for made in writes:
        name = name_of(made, "ChangeSetName")
        if made.operation != "CreateChangeSet" or name in executed:
            continue
        if name not in removed:
            verb = "left" if made.answer is Answer.DONE else "perhaps left"
            yield f"{verb} change set {name}, which nothing executes"
        elif made.subject["ChangeSetType"] == "CREATE" and not emptied:
            yield f"perhaps left stack {made.subject['StackName']}, with nothing in it"


def name_of(write: Write, parameter: str) -> str:
    """What the parameter names; of the ARN of a stack or change set, `arn:…:stack/NAME/UUID`, its name."""
    value = write.subject.get(parameter, "")
    return value.split("/")[1] if value.startswith("arn:") and "/" in value else value


@contextmanager
def reported(aws: Aws) -> Iterator[None]:
    """Around all that a command does in AWS. Raises Failure for an interruption and for an error of AWS's."""
    try:
        yield
    except KeyboardInterrupt:
        raise Failure(Exit.INTERRUPTED, f"interrupted; {sentence(aws.sent)}", _AGAIN) from None
    except Failure as failure:
        if not (aws.sent.operation() and failure.code in _SPEAKS_OF_THE_STACK):
            failure.add(sentence(aws.sent))
        raise
    except Exception as error:
        failure = service_errors.explain(error)
        if failure is None:
            raise
        failure.add(sentence(aws.sent))
        if aws.sent.operation():
            failure.hint = "; ".join(filter(None, (failure.hint, _AGAIN)))
        raise failure from error
