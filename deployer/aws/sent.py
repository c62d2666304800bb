"""What a run has asked AWS to change, recorded from what its clients send: no call can be forgotten.

The services' own answers come too late to ask them: a stack that is about to change still looks as it did.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

READS = ("BatchGet", "Describe", "Detect", "Filter", "Get", "Head", "List", "Query", "Scan", "Simulate")
"""The names of operations that change nothing begin so. Whatever else is called counts as a change."""

_SUBJECTS = (
    *(
        "Bucket",
        "ChangeSetName",
        "ChangeSetType",
        "ClientRequestToken",
        "FunctionName",
        "Name",
        "PolicyArn",
        "QueueUrl",
    ),
    *("RoleName", "StackName", "TableName", "logGroupName"),
)
_NOT_SENT = ("ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError")
"""How botocore says that there was no connection to send anything by."""


class Answer(Enum):
    """`UNKNOWN`: no answer came, or one that leaves open whether the call took effect."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass
class Write:
    """One call that changes something, with all its attempts. `subject`: those of its parameters that name things."""

    service: str
    operation: str
    subject: Mapping[str, str]
    attempts: int = 0
    refusals: int = 0
    done: bool = False

    @property
    def answer(self) -> Answer:
        if self.done:
            return Answer.DONE
        return Answer.REFUSED if self.refusals == self.attempts else Answer.UNKNOWN

    @property
    def token(self) -> str:
        """Of the operation that it begins on a stack; "" for any other call."""
        return self.subject.get("ClientRequestToken", "")


@dataclass
class Sent:
    """The calls of a run that were sent, in their order. Thread-safe."""

    writes: list[Write] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __iter__(self) -> Iterator[Write]:
        """Those that changed something, or may have."""
        return iter([write for write in self.writes if write.answer is not Answer.REFUSED])

    def operation(self) -> Write | None:
        """The last operation on a stack that was begun, or may have been."""
        return next((write for write in reversed(list(self)) if write.token), None)

    def watched(self, client):
        """The boto3 client, with what it sends from now on recorded."""
        events = client.meta.events
        events.register("before-parameter-build", self._prepared)
        events.register("request-created", self._sent)
        events.register("response-received", self._answered)
        return client

    def _prepared(self, params, model, context, **_) -> None:
        if not model.name.startswith(READS):
            subject = {key: params[key] for key in _SUBJECTS if isinstance(params.get(key), str)}
            context["write"] = Write(model.service_model.service_name, model.name, subject)

    def _sent(self, request, **_) -> None:
        """After the request was signed, before it leaves: once for each attempt."""
        if write := request.context.get("write"):
            with self._lock:
                write.attempts += 1
                if write.attempts == 1:
                    self.writes.append(write)

    def _answered(self, response_dict, context, exception, **_) -> None:
        if write := context.get("write"):
            status = response_dict["status_code"] if response_dict else 0
            with self._lock:
                write.done |= 200 <= status < 300
                write.refusals += 300 <= status < 500 or type(exception).__name__ in _NOT_SENT
