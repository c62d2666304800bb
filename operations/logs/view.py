"""Show log lines on a terminal, as plain text, or as JSON."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from rich.console import Console
from rich.text import Text

from operations.logs.lines import Line

_COLOURS = ("cyan", "magenta", "blue", "green", "bright_cyan", "bright_magenta", "bright_blue")
_LEVELS = {"DEBUG": "dim", "INFO": "", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}

# Shown elsewhere on the line, or useful to programs only.
_LEFT_OUT = {
    *("level", "message", "timestamp", "service", "location", "xray_trace_id", "function_request_id"),
    *("time", "type", "traceId", "apiKeyId", "resourcePath", "method", "status_code", "responseLength"),
    *("errorType", "errorMessage", "stackTrace", "frames"),
}
_UNDER = ("frames", "stackTrace")
"""Shown on lines below: the stack trace."""


class LogView:
    """Write lines to a stream: coloured on a terminal, plain elsewhere. The date is written when it changes.

    `known`: fields not to repeat on every line, such as the order ID in its own trace.
    """

    def __init__(
        self, stream, sources: Iterable[str], known: frozenset[str] = frozenset(), interactive: bool | None = None
    ):
        self._stream, self._known = stream, known
        self._console = Console(file=stream, highlight=False, soft_wrap=True, force_terminal=interactive or None)
        self._colours = {source: _COLOURS[index % len(_COLOURS)] for index, source in enumerate(sorted(sources))}
        self._width = max(map(len, self._colours), default=0)
        self._day: date | None = None

    def show(self, line: Line) -> None:
        moment = line.moment
        if moment.date() != self._day:
            self._day = moment.date()
            self._write(Text(f"{self._day} UTC", "bold"))
        text = Text(f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}  ")
        text.append(f"{line.source:<{self._width}}  ", self._colours.get(line.source, ""))
        text.append(f"{line.level:<7}  {clean(line.message)}", _LEVELS.get(line.level, ""))
        text.append("".join(f"  {name}={value}" for name, value in self._details(line)), "dim")
        self._write(text)
        for name in _UNDER:
            for each in _list(line.fields.get(name)):
                self._write(Text(f"    {clean(each)}", "dim"))

    def flush(self) -> None:
        self._stream.flush()

    def _details(self, line: Line) -> Iterator[tuple[str, str]]:
        return ((name, value) for name, value in details(line).items() if name not in self._known)

    def _write(self, text: Text) -> None:
        if self._console.is_terminal:
            self._console.print(text)
        else:  # many times as fast
            encoding = getattr(self._stream, "encoding", None) or "utf-8"
            self._stream.write(text.plain.encode(encoding, "replace").decode(encoding) + "\n")


def details(line: Line) -> dict[str, str]:
    """Return the fields to show, under the names that a query needs, without empty ones."""
    return {
        clean(name): clean(value if isinstance(value, str) else json.dumps(value, separators=(",", ":")))
        for name, value in line.fields.items()
        if name not in _LEFT_OUT and value not in (None, "", "-", [], {})
    }


def clean(text: object) -> str:
    """Return the text on one line without control characters, which could move the cursor: it comes from a client."""
    return "".join(each if each.isprintable() else " " for each in str(text).replace("\r\n", "\n").replace("\n", " | "))


def as_json(line: Line) -> dict:
    """Return the line; `fields` is the event's JSON, or {"message": …} of a plain line."""
    return {
        "time": line.moment.isoformat(timespec="milliseconds"),
        "function": line.source,
        "level": line.level,
        "message": line.message,
        "fields": dict(line.fields) or {"message": line.message},
    }


def _list(value: object) -> list:
    return list(value) if isinstance(value, (list, tuple)) and not isinstance(value, Mapping) else []
