"""The function that imports files: an object of the upload bucket in, messages on the order queue out.

Each record is either queued, confirmed by SQS, or rejected, with its reason, into an object beside the report. Any
other failure is raised: Lambda retries with the same event. A message has many orders, all of one priority.

A file may take longer than a function may run. Before its timeout, an invocation invokes the function again with a
continuation: the position and the results so far. Invocations may run twice, even at once: an order that is queued
twice is stored once, and a report counts what its own invocations did.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum, auto
from functools import lru_cache, partial
from hashlib import sha256
from typing import TYPE_CHECKING

from contract.imports import BROKEN, COMPLETED, FAILED, MAX_INVOCATIONS, RUNNING, partner_of, rejected_key, report_key
from domain import admission, flags, imports, messages, strict_json, validation
from domain.callers import Caller
from domain.errors import OrderError, UnknownFormat
from domain.files import Fault, Record, open_upload
from domain.imports import Accepted
from handlers import clients, configuration, queue_batches, telemetry, uploads
from handlers.queue_batches import BatchEntry, text, trace_attribute
from handlers.repository import orders_table

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    OrderFactory = Callable[[Record], Accepted]
    EntryFactory = Callable[[list[Accepted]], SendMessageBatchRequestEntryTypeDef]

# Rejected records are written when this many bytes of them are buffered.
REJECTED_BYTES = 4 * 1024**2
# A continuation lists the range and the digest of each object of rejected records; an asynchronous invocation takes
# 256 KB.
MAX_REJECTED_FILES = 5_000
DIGEST_LENGTH = 8
# The share of an invocation's time reserved for sending what was read, the report and the continuation.
RESERVE = 0.2
SHORTEST_RESERVE, LONGEST_RESERVE = 2_000, 60_000  # milliseconds
SQS_TIMEOUT_RETRIES = (5_000, 0)  # milliseconds, retries: queue_batches retries
CUSTOMERS = 50_000  # whose flags are cached


class ImportFailed(Exception):
    """The failure that Lambda logs; the original message might quote a file."""


class State(Enum):
    READING = auto()
    OUT_OF_TIME = auto()  # the next invocation continues
    ENDED = auto()  # at the end of the file, or at a fault


@dataclass
class ImportRun:
    """The part of a file's import that one invocation does."""

    file: uploads.File
    progress: imports.Progress
    is_out_of_time: Callable[[], bool]
    deadline: float  # time.monotonic(), for all that is sent
    state: State = State.READING
    fault: dict | None = None
    position: Callable[[], dict] = dict  # where a continuation starts to read
    last_read: tuple[int, int] = (1, 0)  # line and byte of the last record
    rejected_lines: dict[int, bytes] = field(default_factory=dict)  # by record number, not yet written
    rejected_bytes: int = 0

    def reject(self, record: Record, error: OrderError) -> None:
        self.progress.reject(error.kind.code)
        self.rejected_lines[record.number] = imports.rejected_line(record, error)
        self.rejected_bytes += len(self.rejected_lines[record.number])

    def end(self, fault: dict | None = None) -> None:
        self.state = State.ENDED
        self.fault = fault

    def break_off(self, reason: str) -> None:
        line, byte = self.last_read
        self.end({"reason": reason, "line": line, "byte": byte})


def handler(event: dict, context: "LambdaContext") -> None:
    """Import the file of an EventBridge event "Object Created", from its start or from its "continuation"."""
    continuation = event.get("continuation") or {}
    telemetry.begin(continuation.get("correlation_id", context.aws_request_id), context)
    try:
        _import(event, context)
    except Exception as error:
        telemetry.import_failed(error)
        if not isinstance(error, ImportFailed):
            message = str(error) if isinstance(error, UnknownFormat) else "import failed; see the function's log"
            error = ImportFailed(message)
        raise error from None


def _import(event: dict, context: "LambdaContext") -> None:
    started = time.monotonic()
    run = _start(event, context)
    before = replace(run.progress)
    _queue_records(run, _order_factory(event, run), _entry_factory(run))
    status = _status(run)
    report = _write_report(run, status)
    if status == RUNNING:
        _invoke_continuation(event, context, run)
    else:
        telemetry.import_finished(report)
    telemetry.import_advanced(
        status,
        queued=run.progress.queued - before.queued,
        rejected=run.progress.rejected - before.rejected,
        milliseconds=(time.monotonic() - started) * 1000,
        source_file=run.file.url,
        version=run.file.version,
        invocation=run.progress.invocation,
    )
    if run.fault is not None and status == FAILED:
        raise ImportFailed(run.fault["reason"])


def _start(event: dict, context: "LambdaContext") -> ImportRun:
    file = uploads.file_of(event)
    if "continuation" in event:
        progress = imports.resumed(event["continuation"])
    else:
        progress = imports.Progress(_now(), context.aws_request_id, partner=partner_of(file.key))
    left = context.get_remaining_time_in_millis()
    reserve = min(max(left * RESERVE, SHORTEST_RESERVE), LONGEST_RESERVE)
    return ImportRun(
        file,
        progress,
        is_out_of_time=lambda: context.get_remaining_time_in_millis() < reserve,
        deadline=time.monotonic() + (left - reserve / 2) / 1000,
    )


def _queue_records(run: ImportRun, order_of: "OrderFactory", entry_of: "EntryFactory") -> None:
    """Send records to the queue until the file or the time ends. Write rejected ones once all before them are sent."""
    records = _records(run)
    while run.state is State.READING:
        first = run.progress.read + 1
        _send(run, imports.groups(_orders(run, records, order_of)), entry_of)
        _write_rejected(run, first)


def _send(run: ImportRun, groups: Iterable[list[Accepted]], entry_of: "EntryFactory") -> None:
    """Send each group of orders as a message. Send the orders of one that SQS refuses again, each alone."""
    entries = (BatchEntry(entry_of(group), group) for group in groups)
    sqs = clients.sqs(*SQS_TIMEOUT_RETRIES)
    refused_together = []
    for group, code in queue_batches.send(sqs, os.environ["ORDER_QUEUE_URL"], entries, run.deadline):
        if len(group) > 1:
            refused_together += [[order] for order in group]
        else:
            run.reject(group[0].record, OrderError("invalid_request", [f"record: the queue refused it: {code}"]))
    if refused_together:
        _send(run, refused_together, entry_of)


def _records(run: ImportRun) -> Iterator[Record]:
    try:
        upload = open_upload(run.file.key, partial(uploads.read, clients.s3(), run.file), run.progress.position)
        run.progress.format, run.progress.compressed = upload.format, upload.compressed
        run.position = upload.position
        yield from upload
    except Fault as fault:
        run.end({"reason": fault.reason, "line": fault.line, "byte": fault.byte})
    else:
        run.end()


def _orders(run: ImportRun, records: Iterator[Record], order_of: "OrderFactory") -> Iterator[Accepted]:
    """Yield the orders of records, until the time ends or the rejected ones fill their buffer."""
    for record in records:
        run.progress.read += 1
        run.last_read = record.line, record.byte
        try:
            order = order_of(record)
        except OrderError as error:
            run.reject(record, error)
        else:
            yield order
        if run.is_out_of_time():
            run.state = State.OUT_OF_TIME
            return
        if run.rejected_bytes >= REJECTED_BYTES:
            return


def _order_factory(event: dict, run: ImportRun) -> "OrderFactory":
    """Return a function that makes a record an order, or raises OrderError.

    Records are validated as of the file's upload: each delivery of the event rejects the same ones.
    """
    uploaded = datetime.fromisoformat(event["time"]).astimezone(UTC)
    uploaded_at = int(uploaded.timestamp() * 1000)
    caller = Caller(partner=run.progress.partner)
    origin = {"source": "import", "sourceFile": run.file.url, "processedDate": f"{uploaded:%Y-%m-%d}", **caller.owned}
    config = configuration.api_config()
    features_of = lru_cache(CUSTOMERS)(partial(flags.enabled, configuration.feature_flags()))

    def order(record: Record) -> Accepted:
        submission = validation.import_record(record.document(), uploaded_at)
        submission["orderId"] = caller.qualified(submission["orderId"])
        features = features_of(submission["customerId"])
        refusal = admission.refusal(submission, config["maxItemsPerOrder"], features)
        if refusal is not None:
            # An order that is stored already is queued again; the worker recognises it.
            admission.check_accepted_before(submission, orders_table(config).claim(submission["orderId"]), refusal)
        accepted = messages.accepted(submission, now=uploaded_at, features=features, **origin)
        return Accepted(record, accepted["priority"], strict_json.dumps(accepted))

    return order


def _entry_factory(run: ImportRun) -> "EntryFactory":
    """Return a function that makes a group of orders an entry of SendMessageBatch."""
    common = {"source": text("import"), "correlationId": text(run.progress.correlation_id)}
    system_attributes = trace_attribute(os.environ.get("_X_AMZN_TRACE_ID"))

    def entry(group: list[Accepted]) -> "SendMessageBatchRequestEntryTypeDef":
        return {
            "Id": str(group[0].record.number),
            "MessageBody": messages.write([order.text for order in group]),
            "MessageAttributes": {"priority": text(group[0].priority), **common},
            "MessageSystemAttributes": system_attributes,
        }

    return entry


def _write_rejected(run: ImportRun, first: int) -> None:
    """Write the rejected records among those from number `first` to the last that was read."""
    if not run.rejected_lines:
        return
    file = run.file
    body = b"".join(run.rejected_lines[number] for number in sorted(run.rejected_lines))
    last, digest = run.progress.read, sha256(body).hexdigest()[:DIGEST_LENGTH]
    key = rejected_key(file.key, file.version, first, last, digest)
    uploads.write(clients.s3(), file.bucket, key, body, "application/x-ndjson")
    run.progress.ranges.append([first, last, digest])
    run.rejected_lines, run.rejected_bytes = {}, 0
    if len(run.progress.ranges) == MAX_REJECTED_FILES and run.state is not State.ENDED:
        run.break_off("too many records are rejected")


def _status(run: ImportRun) -> str:
    if run.state is State.OUT_OF_TIME:
        if run.progress.invocation < MAX_INVOCATIONS:
            return RUNNING
        run.break_off(f"not read to its end by {MAX_INVOCATIONS} invocations")
    if run.fault is None:
        return COMPLETED
    return BROKEN if run.progress.read else FAILED


def _write_report(run: ImportRun, status: str) -> dict:
    """Write the report, and return it."""
    file = run.file
    report = imports.report(
        run.progress,
        status=status,
        fault=run.fault,
        key=file.key,
        url=file.url,
        version=file.version,
        size=file.size,
        now=_now(),
    )
    body = strict_json.dumps(report).encode()
    uploads.write(clients.s3(), file.bucket, report_key(file.key, file.version), body, "application/json")
    return report


def _invoke_continuation(event: dict, context: "LambdaContext", run: ImportRun) -> None:
    rest = replace(run.progress, invocation=run.progress.invocation + 1, position=run.position())
    clients.functions().invoke(
        FunctionName=context.invoked_function_arn,
        InvocationType="Event",
        Payload=strict_json.dumps({**event, "continuation": imports.continuation(rest)}).encode(),
    )


def _now() -> int:
    return time.time_ns() // 1_000_000


clients.sqs(*SQS_TIMEOUT_RETRIES)
validation.warm_up("ImportRecord")
