"""Bulk import: keys of files and reports, columns of CSV, the schema of reports, and the limits.

A file under `orders/` of the upload bucket becomes orders, those of a partner under `orders/<partner>/`; an object under
`reports/`, one per version of the file, reports the result.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

from contract import partners
from contract.documents import IMPORT_RECORD
from contract.fields import ORDER_FIELDS, SUBMISSION
from contract.schemas import DATE_TIME, DRAFT_04, MAX_BODY_BYTES, choice, closed_object

UPLOAD_PREFIX = "orders/"
REPORT_PREFIX = "reports/"

# Of one record in the file; the API's limit for one request.
MAX_RECORD_BYTES = MAX_BODY_BYTES

# Of one file, unpacked: the limit for a gzip bomb.
MAX_UNPACKED_BYTES = 10 * 1024**3

# Of one CSV file. The function, with 1,769 MB, keeps 110 to 130 bytes in memory for each order, and three times that
# for one that is not certain to be complete.
MAX_CSV_LINES = 5_000_000

# For one file; each invocation after the first continues the one before. Lambda's recursive loop detection stops a
# function at 16.
MAX_INVOCATIONS = 15

# Of a message on the order queue. Two messages fill a transaction of the worker (handlers.bulk), ten a call to SQS and a
# batch of the worker: 0.004 calls to SQS for each order, and a message that is delivered again repeats few orders.
ORDERS_PER_MESSAGE = 25
# SQS bills each 64 KB of a call as a request (https://aws.amazon.com/sqs/pricing/). A message fits into one with its
# attributes and the text around its orders, for which 1 KB is plenty. A larger record goes alone.
BYTES_PER_MESSAGE = 65_536 - 1_024

# S3's own limit for a key.
MAX_KEY_BYTES = 1024


class Column(NamedTuple):
    """A column of a CSV file: a field of the order, of the item on that row, or of an object of the order."""

    name: str
    type: str  # JSON Schema's
    parent: str  # the order's field that has this one; "" for a field of the order
    required: bool


def _columns() -> Iterator[Column]:
    """Yield a column for each field, except objects, lists and the fields of lists other than `items`."""
    for field in ORDER_FIELDS:
        if field.first > SUBMISSION:
            continue
        required = field.name in IMPORT_RECORD["required"]
        match field.schema:
            case {"type": "object"} as parent:
                pass
            case {"items": parent} if field.name == "items":
                pass
            case {"type": "array"}:
                continue
            case {"type": type_}:
                yield Column(field.name, type_, "", required)
                continue
        for name, each in parent["properties"].items():
            yield Column(name, each["type"], field.name, required and name in parent["required"])


# A CSV file has one row per item; rows of one order are adjacent and repeat the order's own fields.
CSV_COLUMNS = tuple(_columns())
CSV_REQUIRED = tuple(each.name for each in CSV_COLUMNS if each.required)
CSV_OPTIONAL = tuple(each.name for each in CSV_COLUMNS if not each.required)

FORMATS = ("json", "jsonl", "csv")

# running: another invocation continues; counts so far. completed: read to its end. broken: a fault ended reading, the
# records before it count. failed: no record could be read.
RUNNING, COMPLETED, BROKEN, FAILED = STATUSES = ("running", "completed", "broken", "failed")

_COUNT = {"type": "integer", "minimum": 0}

REJECTED_RECORD = closed_object(
    {
        "record": {"type": "integer", "minimum": 1, "description": "its number in the file"},
        "line": {"type": "integer", "minimum": 1, "description": "of the unpacked file, on which it starts"},
        "byte": {**_COUNT, "description": "of the unpacked file, at which it starts"},
        "bytes": {**_COUNT, "description": "its length; above MAX_RECORD_BYTES `text` is only its beginning"},
        "reason": {"type": "string", "description": "a code of contract.errors"},
        "details": {"type": "array", "items": {"type": "string"}},
        "text": {
            "type": "string",
            "description": "the record as it stands in the file, of CSV its rows; bytes that are no text as \\xNN",
        },
    },
    ["record", "line", "byte", "bytes", "reason", "details", "text"],
    **{"$schema": DRAFT_04, "title": "RejectedRecord"},
)

IMPORT_REPORT = closed_object(
    {
        "status": choice(STATUSES),
        "sourceFile": {"type": "string", "description": "s3://bucket/key"},
        "version": {"type": "string", "description": "the file's version id"},
        "bytes": {**_COUNT, "description": "the file's size as uploaded"},
        "format": {"type": ["string", "null"], "enum": [*FORMATS, None]},
        "compressed": {"type": "boolean"},
        "read": {**_COUNT, "description": "records found: queued + rejected"},
        "queued": {**_COUNT, "description": "records sent to the order queue"},
        "rejected": {**_COUNT, "description": "records refused; they stand in rejectedFiles"},
        "reasons": {"type": "object", "description": "code -> how many were rejected for it"},
        "fault": {
            "type": ["object", "null"],
            "description": "where and why reading ended early: reason, and line, byte of the unpacked file",
        },
        "rejectedFiles": {"type": "array", "items": {"type": "string"}, "description": "keys of JSON Lines files"},
        "startedAt": DATE_TIME,
        "finishedAt": {"type": ["string", "null"], "format": "date-time"},
        "durationMs": {**_COUNT, "description": "from start to finish, continuations included"},
        "invocations": {"type": "integer", "minimum": 1},
    },
    [
        *("status", "sourceFile", "version", "bytes", "format", "compressed"),
        *("read", "queued", "rejected", "reasons", "fault", "rejectedFiles"),
        *("startedAt", "finishedAt", "durationMs", "invocations"),
    ],
    **{"$schema": DRAFT_04, "title": "ImportReport"},
)


def partner_of(key: str) -> str | None:
    """Return the partner whose file the upload `key` is, None for one of the operator."""
    folder, slash, _ = key.removeprefix(UPLOAD_PREFIX).partition("/")
    return folder if slash and partners.is_name(folder) else None  # the folder's own key, too: its partner may write it


def report_key(key: str, version: str) -> str:
    """Return the key of the report about a version of the upload `key`: `reports/<key>/<version>.json`."""
    return f"{_reports_about(key)}/{version}.json"


def rejected_key(key: str, version: str, first: int, last: int, digest: str = "") -> str:
    """Return the key of the object with the rejected ones of the records numbered `first` to `last`.

    Two runs of one file may reject different records, if a setting changes in between. The digest of the content keeps
    their objects apart; those of earlier versions have none.
    """
    return f"{_reports_about(key)}/{version}.rejected.{first}-{last}{digest and f'.{digest}'}.jsonl"


def _reports_about(key: str) -> str:
    """Return the prefix of all reports about the upload `key`. In a key near S3's limit a hash replaces the end."""
    room = MAX_KEY_BYTES - len(REPORT_PREFIX) - 160  # a version id, a range and a digest take less
    raw = key.encode()
    if len(raw) > room:
        key = raw[: room - 65].decode(errors="ignore") + "~" + sha256(raw).hexdigest()
    return REPORT_PREFIX + key
