"""Describe what a run has changed, from the calls that it sent. Pure.

How an operation on a stack ends is reported by the command that watches it.
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

_AGAIN = "run the same command again to resume"
_REPORTS_THE_STACK = (Exit.FAILED, Exit.INTERRUPTED)
"""A Failure with one of these codes, after an operation on the stack was started, reports the stack's state."""


class _Effect(NamedTuple):
    """What a call does. `of`: the parameter that names its target; `counted`: the noun, if targets are counted."""

    words: str
    of: str = ""
    counted: str = ""


_SET_UP = _Effect("set up bucket", "Bucket")
_EFFECTS = {
    "CancelUpdateStack": _Effect("cancelled the update of stack", "StackName"),
    "CopyObject": _Effect("renewed", counted="object"),
    "ContinueUpdateRollback": _Effect("began to continue the rollback of stack", "StackName"),
    "CreateApiKey": _Effect("made", counted="API key"),
    "CreateBucket": _Effect("made bucket", "Bucket"),
    "CreateUsagePlanKey": _Effect("gave a usage plan to", counted="API key"),
    "DeleteApiKey": _Effect("deleted", counted="API key"),
    "DeleteBucket": _Effect("deleted bucket", "Bucket"),
    "DeleteFunction": _Effect("deleted a version of function", "FunctionName"),
    "DeleteLogGroup": _Effect("deleted", counted="log group"),
    "DeleteObjects": _Effect("deleted objects in bucket", "Bucket"),
    "DeleteParameters": _Effect("deleted the feature flags"),
    "DeleteQueue": _Effect("deleted queue", "QueueUrl"),
    "DeleteRole": _Effect("deleted role", "RoleName"),
    "DeleteStack": _Effect("began to delete stack", "StackName"),
    "DeleteTable": _Effect("deleted table", "TableName"),
    "DetachRolePolicy": _Effect("detached policies from role", "RoleName"),
    "ExecuteChangeSet": _Effect("began to execute change set", "ChangeSetName"),
    "PutBucketEncryption": _SET_UP,
    "PutBucketLifecycleConfiguration": _SET_UP,
    "PutBucketPolicy": _SET_UP,
    "PutBucketVersioning": _SET_UP,
    "PutObject": _Effect("uploaded", counted="object"),
    "PutParameter": _Effect("wrote parameter", "Name"),
    "PutPublicAccessBlock": _SET_UP,
    "RollbackStack": _Effect("began to roll back stack", "StackName"),
    "SetSubscriptionAttributes": _Effect("corrected subscription", "SubscriptionArn"),
    "Subscribe": _Effect("made or renewed", counted="subscription"),
    "Unsubscribe": _Effect("ended", counted="subscription"),
    "UpdateAlias": _Effect("moved the alias of", counted="function"),
    "UpdateFunctionCode": _Effect("updated the code of", counted="function"),
    "UpdateAccount": _Effect("unset API Gateway's logging role"),
    "UpdateTerminationProtection": _Effect("changed the termination protection of stack", "StackName"),
    "UpdateTable": _Effect("disabled the deletion protection of table", "TableName"),
}
"""By operation; any other is reported by its API name."""


def sentence(sent: Iterable[Write]) -> str:
    """Return what the calls changed in one sentence. `sent`: `aws.sent.Sent`, or some of its writes."""
    writes = list(sent)
    effects = [*_effects(writes), *_left(writes)]
    if not effects:
        return NOTHING
    listed = " and ".join(filter(None, (", ".join(effects[:-1]), effects[-1])))
    if any(write.token for write in writes):
        return f"this run {listed}"
    return f"the stack was not changed, but this run {listed}"


def _effects(writes: Iterable[Write]) -> Iterator[str]:
    """In order of time, without duplicates."""
    effects = [
        (_EFFECTS.get(write.operation) or _Effect(f"called {write.service}:{write.operation}"), write)
        for write in writes
    ]
    counts = Counter(
        (effect, name_of(write, effect.of), write.answer) for effect, write in effects if not _prepares(write)
    )
    for (effect, name, answer), count in counts.items():
        counted = effect.counted and f"{count} {effect.counted}{'s' * (count > 1)}"
        yield " ".join(filter(None, ("perhaps" * (answer is Answer.UNKNOWN), effect.words, name, counted)))


def _prepares(write: Write) -> bool:
    """Whether it creates or deletes a change set, or its empty stack: `_left` reports those."""
    return write.operation in ("CreateChangeSet", "DeleteChangeSet") or (
        write.operation == "DeleteStack" and not write.token
    )


def _left(writes: Iterable[Write]) -> Iterator[str]:
    """Change sets that were neither executed nor deleted, and the empty stack of one."""
    executed = {name_of(write, "ChangeSetName") for write in writes if write.operation == "ExecuteChangeSet"}
    done = [write for write in writes if write.answer is Answer.DONE]
    deleted = {name_of(write, "ChangeSetName") for write in done if write.operation == "DeleteChangeSet"}
    emptied = any(write.operation == "DeleteStack" for write in done)
    for made in writes:
        name = name_of(made, "ChangeSetName")
        if made.operation != "CreateChangeSet" or name in executed:
            continue
        if name not in deleted:
            verb = "left" if made.answer is Answer.DONE else "perhaps left"
            yield f"{verb} the unexecuted change set {name}"
        elif made.subject["ChangeSetType"] == "CREATE" and not emptied:
            yield f"perhaps left the empty stack {made.subject['StackName']}"


def name_of(write: Write, parameter: str) -> str:
    """Return the parameter's value; of the ARN of a stack or change set, `arn:…:stack/NAME/UUID`, the name."""
    value = write.subject.get(parameter, "")
    return value.split("/")[1] if value.startswith("arn:") and "/" in value else value


@contextmanager
def reported(aws: Aws) -> Iterator[None]:
    """Around all calls of a command: raise an interruption or an AWS error as a Failure that says what was changed."""
    try:
        yield
    except KeyboardInterrupt:
        raise Failure(Exit.INTERRUPTED, f"interrupted; {sentence(aws.sent)}", _AGAIN) from None
    except Failure as failure:
        if not (aws.sent.operation() and failure.code in _REPORTS_THE_STACK):
            failure.add(sentence(aws.sent))
        raise
    except Exception as error:
        explained = service_errors.explain(error)
        if explained is None:
            raise
        explained.add(sentence(aws.sent))
        if aws.sent.operation():
            explained.hint = "; ".join(filter(None, (explained.hint, _AGAIN)))
        raise explained from error
