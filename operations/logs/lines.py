"""Parse log events into lines, and select the trace of one order. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from contract.schemas import ORDER_ID_PATTERN

_PLATFORM = re.compile(r"(START|END|REPORT) RequestId: |INIT_START |XRAY TraceId: |EXTENSION\tName: ")
_LONGEST_PATTERN = 1024
"""Maximum length of a filter pattern (FilterLogEvents)."""

_MANY_PATTERNS = 6
"""Above this, reading everything once is cheaper than a call for each pattern (an order that was polled)."""


@dataclass(frozen=True)
class Event:
    """A log event as FilterLogEvents returns it. `source`: orders-worker or api-access. `time`: ms since 1970."""

    source: str
    stream: str
    time: int
    message: str


@dataclass(frozen=True)
class Line:
    """A parsed event: `fields` of its JSON, {} for plain text.

    `noise`: Lambda's platform lines without an error, and EMF documents.
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
        """The line's own timestamp if it has one: CloudWatch's is later, or the same for a whole invocation."""
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
        """Correlation id of the line's request; requestId in API Gateway's access log."""
        return self._text("correlation_id") or (self._text("requestId") if "resourcePath" in self.fields else None)

    @property
    def invocation(self) -> str | None:
        """Lambda request id, under the names of our logger, the runtime and the platform."""
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
    """Parse a platform event of Lambda; noise unless the invocation failed."""
    found = fields.get("record")
    record = found if isinstance(found, dict) else {}
    status = record.get("status", "success")
    message = f"{fields['type']} {status}" + (f" {record['errorType']}" if record.get("errorType") else "")
    return Line(event, fields, "ERROR" if status != "success" else "", message, status == "success")


class OrderTrace:
    """Select the lines of an order: those that name it, and those of its requests and imports that name no other.

    `learn` collects request ids; lines that came before their request was known must be read again.
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
        """Return whether the line belongs to the order; of its invocations only errors do, other lines are the batch's."""
        if line.order_id is not None:
            return line.order_id == self.order_id
        return line.correlation_id in self.requests or (line.level == "ERROR" and line.invocation in self.invocations)

    def patterns(self) -> list[str]:
        """Return filter patterns that match at least what `concerns` accepts; [""] matches all."""
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
    """Return whether the contract allows the ID; it allows no character that means something in a filter pattern."""
    return bool(re.fullmatch(ORDER_ID_PATTERN, text))


def _usable(text: str | None) -> set[str]:
    return {text} if text and re.fullmatch(ORDER_ID_PATTERN, text) else set()
