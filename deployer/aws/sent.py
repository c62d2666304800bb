"""Record every call of a run that may change something, from what its clients send: no call can be forgotten.

Asking AWS afterwards is too late: a stack that is about to change still looks as before.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

READS = ("BatchGet", "Describe", "Detect", "Filter", "Get", "Head", "List", "Query", "Scan", "Simulate")
"""Prefixes of operations that change nothing. Every other operation counts as a write."""

_SUBJECTS = (
    *("Bucket", "ChangeSetName", "ChangeSetType", "ClientRequestToken", "FunctionName", "Name", "PolicyArn"),
    *("QueueUrl", "RoleName", "StackName", "TableName", "logGroupName"),
)
_NOT_SENT = ("ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError")
"""botocore's exceptions of a call for which there was no connection."""


class Answer(Enum):
    """`UNKNOWN`: no response, or one that leaves open whether the call took effect."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass
class Write:
    """One call that changes something, with all its attempts. `subject`: its parameters that name resources."""

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
        """Return the ClientRequestToken of a call that begins a stack operation; "" for any other call."""
        return self.subject.get("ClientRequestToken", "")


@dataclass
class Sent:
    """The writes of a run in the order in which they were sent. Thread-safe."""

    writes: list[Write] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __iter__(self) -> Iterator[Write]:
        """Yield the writes that took effect, or may have."""
        return iter([write for write in self.writes if write.answer is not Answer.REFUSED])

    def operation(self) -> Write | None:
        """Return the last stack operation that was begun, or may have been."""
        return next((write for write in reversed(list(self)) if write.token), None)

    def watched(self, client: Any) -> Any:
        """Record what the boto3 client sends from now on; return the client."""
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
        """Count an attempt: botocore calls this after signing, before the request leaves."""
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
