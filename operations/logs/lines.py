"""Events of the functions' logs as lines that a person reads, and which of them tell one order's story. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from contract.schemas import ID_PATTERN

_PLATFORM = re.compile(r"(START|END|REPORT) RequestId: |INIT_START |XRAY TraceId: |EXTENSION\tName: ")
_LONGEST_PATTERN = 1024
"""Characters of a filter pattern, says FilterLogEvents."""

_MANY_PATTERNS = 6
"""Above this, one look at everything is cheaper than a look for each pattern: so it is with an order that was polled."""


@dataclass(frozen=True)
class Event:
    """One event of a log, as FilterLogEvents returns it. `source`: orders-worker, or api-access. `time`: ms since 1970."""

    source: str
    stream: str
    time: int
    message: str


@dataclass(frozen=True)
class Line:
    """An event that was read: `fields` are those of its JSON, none for plain text.

    `noise`: the platform's own lines that say nothing went wrong, and the documents that metrics are made of.
    """

    event: Event
    fields: Mapping[str, object]
    level: str
    message: str
    noise: bool = False

    @property
    def source(self) -> str:
        return self.event.source

    @property
    def moment(self) -> datetime:
        """When the function said it, where it says so: the log takes it in a moment later, or a whole invocation's at once."""
        try:
            said = datetime.fromisoformat(str(self.fields.get("timestamp", "")))
        except ValueError:
            return datetime.fromtimestamp(self.event.time / 1000, UTC)
        return said.replace(tzinfo=said.tzinfo or UTC).astimezone(UTC)

    @property
    def order_id(self) -> str | None:
        return self._text("order_id")

    @property
    def correlation_id(self) -> str | None:
        """Of the request that it belongs to; API Gateway's own log calls it requestId."""
        return self._text("correlation_id") or (self._text("requestId") if "resourcePath" in self.fields else None)

    @property
    def invocation(self) -> str | None:
        """The Lambda request id, under the names that our logger, the runtime and the platform give it."""
        record = self.fields.get("record")
        of_platform = record.get("requestId") if isinstance(record, dict) else None
        return self._text("function_request_id") or self._text("requestId") or of_platform

    def _text(self, name: str) -> str | None:
        value = self.fields.get(name)
        return value if isinstance(value, str) and value else None


def read(event: Event) -> Line:
    try:
        fields = json.loads(event.message)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        level = "ERROR" if event.message.startswith("[ERROR]") or "Task timed out after" in event.message else ""
        return Line(event, {}, level, event.message.rstrip(), bool(_PLATFORM.match(event.message)))
    if str(fields.get("type", "")).startswith("platform."):
        return _of_platform(event, fields)
    if "resourcePath" in fields:
        message = f"{fields.get('method')} {fields['resourcePath']} {fields.get('status')}"
        return Line(event, fields, "ERROR" if str(fields.get("status")).startswith("5") else "INFO", message)
    message = fields.get("message") or ": ".join(
        str(fields[name]) for name in ("errorType", "errorMessage") if fields.get(name)
    )
    return Line(event, fields, str(fields.get("level", "")), str(message), "_aws" in fields)


def _of_platform(event: Event, fields: Mapping) -> Line:
    """Lambda's own events: worth showing where an invocation did not end well."""
    record = fields.get("record") if isinstance(fields.get("record"), dict) else {}
    status = record.get("status", "success")
    message = f"{fields['type']} {status}" + (f" {record['errorType']}" if record.get("errorType") else "")
    return Line(event, fields, "ERROR" if status != "success" else "", message, status == "success")


class Story:
    """Which lines concern an order: those that name it, and of the requests and the imports that brought it, those
    that name no other order.

    It learns from what it is shown; so lines that came before their request was known must be shown again.
    """

    def __init__(self, order_id: str):
        self.order_id = order_id
        self.requests: set[str] = set()
        self.invocations: set[str] = set()

    def learn(self, lines: Iterable[Line]) -> None:
        for line in lines:
            if line.order_id == self.order_id:
                self.requests |= _usable(line.correlation_id)
                self.invocations |= _usable(line.invocation)

    def concerns(self, line: Line) -> bool:
        """An invocation's own failure concerns the order, its other lines are about the whole batch."""
        if line.order_id is not None:
            return line.order_id == self.order_id
        return line.correlation_id in self.requests or (line.level == "ERROR" and line.invocation in self.invocations)

    def patterns(self) -> list[str]:
        """Filter patterns that together find at least what `concerns` wants, for all that is known so far; "" is all."""
        names = [f'$.order_id = "{self.order_id}"']
        for request in sorted(self.requests):
            names += [f'$.correlation_id = "{request}"', f'$.requestId = "{request}"']
        for invocation in sorted(self.invocations):
            fields = ("function_request_id", "requestId", "record.requestId")
            names += [f'$.{field} = "{invocation}"' for field in fields]
        patterns: list[str] = []
        for name in dict.fromkeys(names):
            longer = f"{patterns[-1][:-2]} || {name} }}" if patterns else ""
            if patterns and len(longer) <= _LONGEST_PATTERN:
                patterns[-1] = longer
            else:
                patterns.append(f"{{ {name} }}")
        return patterns if len(patterns) <= _MANY_PATTERNS else [""]


def is_order_id(text: str) -> bool:
    """As the contract says; nothing that it allows has a meaning in a filter pattern."""
    return bool(re.fullmatch(ID_PATTERN, text))


def _usable(text: str | None) -> set[str]:
    return {text} if text and re.fullmatch(ID_PATTERN, text) else set()
