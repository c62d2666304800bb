"""The import of one file: messages, progress, report and continuation."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import NamedTuple

from contract import imports
from contract.imports import BYTES_PER_MESSAGE, ORDERS_PER_MESSAGE
from contract.schemas import PRIORITIES
from domain import strict_json
from domain.errors import OrderError, UnknownFormat
from domain.files import Record
from domain.orders import iso

CONTINUATION = 2
"""Version of the continuation event; 0 had no `version`, 1 no digests in `ranges`.

Another version of this code may read it. Raise the number when a field changes its meaning. Never remove a golden
continuation from the tests.
"""

# The keys of a position of domain.files.
_POSITION = {"format", "compressed", "array", "columns", "record", "line", "byte"}


class Accepted(NamedTuple):
    """A record that is an order, and the JSON of the accepted order."""

    record: Record
    priority: str
    text: str

    @property
    def size(self) -> int:
        """Bytes in the message, or in the file if these are more: the record is kept until SQS has the message."""
        return max(len(self.text), self.record.length)


def groups(orders: Iterable[Accepted]) -> Iterator[list[Accepted]]:
    """Divide orders into messages, each of one priority and as large as the limits allow."""
    open_: dict[str, list[Accepted]] = {priority: [] for priority in PRIORITIES}
    sizes = dict.fromkeys(PRIORITIES, 0)
    for order in orders:
        priority, size = order.priority, order.size
        is_full = len(open_[priority]) == ORDERS_PER_MESSAGE or sizes[priority] + size > BYTES_PER_MESSAGE
        if is_full and open_[priority]:
            yield open_[priority]
            open_[priority], sizes[priority] = [], 0
        open_[priority].append(order)
        sizes[priority] += size
    yield from filter(None, open_.values())


@dataclass
class Progress:
    """The results for a file's records so far, in JSON's types.

    It has the ranges in the names of rejected files, not the names: these are long, and there may be thousands.
    """

    started_at: int  # epoch ms
    correlation_id: str
    invocation: int = 1
    format: str | None = None  # this and the next two are set when the file is opened
    compressed: bool = False
    position: dict | None = None  # where reading continues, as domain.files returns it
    read: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    ranges: list[list] = field(default_factory=list)  # [first, last record, digest], of each rejected file
    partner: str | None = None  # whose file it is; None for one of the operator

    @property
    def queued(self) -> int:
        return self.read - self.rejected

    def reject(self, code: str) -> None:
        self.rejected += 1
        self.reasons[code] = self.reasons.get(code, 0) + 1


def continuation(progress: Progress) -> dict:
    """Return the continuation for the next invocation, of JSON's types.

    Only a partner's has `partner`: earlier versions know all fields of the others.
    """
    document = {"version": CONTINUATION, **asdict(progress)}
    if progress.partner is None:
        del document["partner"]
    return document


def resumed(document: dict) -> Progress:
    """Return the progress in a continuation of this version or an older one. Raises UnknownFormat."""
    given = {**document}
    if given.pop("version", 0) > CONTINUATION:
        raise UnknownFormat([f"continuation: its version is newer than {CONTINUATION}, the newest known here"])
    position = given.get("position") or {}
    unknown = given.keys() - {each.name for each in fields(Progress)}
    unknown |= {f"position.{name}" for name in position.keys() - _POSITION}
    if position and position["format"] not in imports.FORMATS:
        unknown.add("position.format")
    if unknown:
        raise UnknownFormat([f"continuation: {', '.join(sorted(unknown))}: not known here"])
    return Progress(**given)


def report(
    progress: Progress, *, status: str, fault: dict | None, key: str, url: str, version: str, size: int, now: int
) -> dict:
    """Return an IMPORT_REPORT, as of `now` (epoch ms), about the version of the file `key`, which has `size` bytes."""
    return {
        "status": status,
        "sourceFile": url,
        "version": version,
        "bytes": size,
        "format": progress.format,
        "compressed": progress.compressed,
        "read": progress.read,
        "queued": progress.queued,
        "rejected": progress.rejected,
        "reasons": dict(sorted(progress.reasons.items())),
        "fault": fault,
        "rejectedFiles": [imports.rejected_key(key, version, *range_) for range_ in progress.ranges],
        "startedAt": iso(progress.started_at),
        "finishedAt": None if status == imports.RUNNING else iso(now),
        "durationMs": max(0, now - progress.started_at),
        "invocations": progress.invocation,
    }


def rejected_line(record: Record, error: OrderError) -> bytes:
    """Return a REJECTED_RECORD as a line of JSON Lines."""
    document = {
        "record": record.number,
        "line": record.line,
        "byte": record.byte,
        "bytes": record.length,
        "reason": error.kind.code,
        "details": error.details,
        "text": record.text.decode(errors="backslashreplace"),
    }
    return strict_json.dumps(document).encode() + b"\n"
