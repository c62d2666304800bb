"""The function that imports files: an object of the upload bucket in, messages on the order queue out.

Each record ends in exactly one of two ways: queued, and SQS has confirmed it;
or rejected, into an object beside the report, with the reason. Whatever keeps
it from either is raised, and Lambda calls again with the same event.

A file may take longer than a function may run. Before its time is up, an
invocation hands the rest to another one, and what came of the records so far.
Any of them may run twice, even at once: an order that is queued twice is
stored once, and each report counts, and names, what its own invocations did.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache, partial

from contract.imports import BROKEN, COMPLETED, FAILED, MAX_INVOCATIONS, RUNNING, rejected_key, report_key
from contract.schemas import PRIORITIES
from domain import admission, flags, imports, messages, strict_json, validation
from domain.errors import OrderError, UnknownFormat
from domain.files import Fault, Record, open_upload
from handlers import clients, configuration, queue_batches, telemetry, uploads
from handlers.queue_batches import BatchEntry, text
from handlers.repository import orders_table

# Rejected records are written when so many have gathered.
REJECTED_BYTES = 4 * 1024**2
# An asynchronous invocation takes 256 KB, and is told the range of each object of rejected records.
MAX_REJECTED_FILES = 5_000
# The part of an invocation's time that is kept for sending what was read, for reports and the hand-over.
RESERVE = 0.2
SHORTEST_RESERVE, LONGEST_RESERVE = 2_000, 60_000  # milliseconds
SQS_PATIENCE = (5_000, 0)  # milliseconds, retries: queue_batches has its own
CUSTOMERS = 50_000  # whose flags are remembered


class ImportFailed(Exception):
    """What Lambda is told: it logs the message of an exception, which might quote a file."""


@dataclass
class Part:
    """One invocation's part of a file."""

    file: uploads.File
    progress: imports.Progress
    out_of_time: Callable[[], bool]
    until: float  # time.monotonic() by which everything must be sent
    position: Callable[[], dict] = dict  # where reading goes on
    last: Record | None = None
    lines: dict[int, bytes] = field(default_factory=dict)  # rejected records by number, not yet written
    unwritten: int = 0  # bytes
    late: bool = False
    ended: bool = False
    fault: dict | None = None

    def reject(self, record: Record, error: OrderError) -> None:
        self.progress.reject(error.kind.code)
        self.lines[record.number] = imports.rejected_line(record, error)
        self.unwritten += len(self.lines[record.number])

    def break_off(self, reason: str) -> None:
        self.ended = True
        self.fault = {"reason": reason, "line": self.last.line, "byte": self.last.byte}


def handler(event: dict, context: object) -> None:
    """`event`: "Object Created" of EventBridge, with a "continuation" if it comes from the invocation before."""
    handed = event.get("continuation") or {}
    telemetry.begin(handed.get("correlation_id", context.aws_request_id), context)
    try:
        _import(event, context)
    except Exception as error:
        telemetry.import_failed(error)
        if not isinstance(error, ImportFailed):
            error = ImportFailed(str(error) if isinstance(error, UnknownFormat) else "the log tells where")
        raise error from None


def _import(event: dict, context: object) -> None:
    started = time.monotonic()
    part = _part(event, context)
    before = replace(part.progress)
    _queue(part, _entries(event, part))
    status = _status(part)
    report = _report(part, status)
    if status == RUNNING:
        _hand_over(event, context, part)
    else:
        telemetry.import_finished(report)
    telemetry.import_advanced(
        status,
        queued=part.progress.queued - before.queued,
        rejected=part.progress.rejected - before.rejected,
        milliseconds=(time.monotonic() - started) * 1000,
        source_file=part.file.url,
        version=part.file.version,
        invocation=part.progress.invocation,
    )
    if status == FAILED:
        raise ImportFailed(part.fault["reason"])


def _part(event: dict, context: object) -> Part:
    if "continuation" in event:
        progress = imports.resumed(event["continuation"])
    else:
        progress = imports.Progress(started_at=_now(), correlation_id=context.aws_request_id)
    left = context.get_remaining_time_in_millis()
    reserve = min(max(left * RESERVE, SHORTEST_RESERVE), LONGEST_RESERVE)
    return Part(
        uploads.file_of(event),
        progress,
        out_of_time=lambda: context.get_remaining_time_in_millis() < reserve,
        until=time.monotonic() + (left - reserve / 2) / 1000,
    )


def _queue(part: Part, entry_of: Callable[[Record], dict]) -> None:
    """Send the records until the file or the time ends. What is rejected is written when all before it is sent."""
    records = _records(part)
    while not (part.ended or part.late):
        first = part.progress.read + 1
        letters = _letters(part, records, entry_of)
        sqs = clients.sqs(*SQS_PATIENCE)
        for refusal in queue_batches.send(sqs, os.environ["ORDER_QUEUE_URL"], letters, part.until):
            part.reject(
                refusal.origin, OrderError("invalid_request", [f"record: the queue refused it: {refusal.code}"])
            )
        _write_rejected(part, first)


def _records(part: Part) -> Iterator[Record]:
    try:
        upload = open_upload(part.file.key, partial(uploads.read, clients.s3(), part.file), part.progress.position)
        part.progress.format, part.progress.compressed = upload.format, upload.compressed
        part.position = upload.position
        yield from upload
    except Fault as fault:
        part.fault = {"reason": fault.reason, "line": fault.line, "byte": fault.byte}
    part.ended = True


def _letters(part: Part, records: Iterator[Record], entry_of: Callable[[Record], dict]) -> Iterator[BatchEntry]:
    """The records that can become orders, until it is time to write down those that cannot."""
    for record in records:
        part.progress.read += 1
        part.last = record
        try:
            entry = entry_of(record)
        except OrderError as error:
            part.reject(record, error)
        else:
            yield BatchEntry(entry, record)
        part.late = part.out_of_time()
        if part.late or part.unwritten >= REJECTED_BYTES:
            return


def _entries(event: dict, part: Part) -> Callable[[Record], dict]:
    """What makes a record an entry of SendMessageBatch, or raises OrderError.

    A record is judged as of when the file was uploaded: its rejections are the
    same in each delivery of the event.
    """
    uploaded = datetime.fromisoformat(event["time"]).astimezone(UTC)
    uploaded_at = int(uploaded.timestamp() * 1000)
    origin = {"source": "import", "sourceFile": part.file.url, "processedDate": f"{uploaded:%Y-%m-%d}"}
    config = configuration.api_config()
    features_of = lru_cache(CUSTOMERS)(partial(flags.enabled, configuration.feature_flags()))
    trace = os.environ.get("_X_AMZN_TRACE_ID")
    system_attributes = {"AWSTraceHeader": text(trace)} if trace else {}
    attributes = {
        priority: {
            "priority": text(priority),
            "source": text("import"),
            "correlationId": text(part.progress.correlation_id),
        }
        for priority in PRIORITIES
    }

    def entry(record: Record) -> dict:
        submission = validation.import_record(record.document(), uploaded_at)
        features = features_of(submission["customerId"])
        refusal = admission.refusal(submission, config["maxItemsPerOrder"], features)
        if refusal is not None:
            # If it is stored it is queued like any other that comes again, and the worker recognises it.
            admission.check_accepted_before(submission, orders_table(config).claim(submission["orderId"]), refusal)
        message = messages.new_message(submission, now=uploaded_at, features=features, **origin)
        return {
            "Id": str(record.number),
            "MessageBody": strict_json.dumps(message),
            "MessageAttributes": attributes[message["priority"]],
            "MessageSystemAttributes": system_attributes,
        }

    return entry


def _write_rejected(part: Part, first: int) -> None:
    """Write down the rejected ones of the records from `first` to the last that was read."""
    if not part.lines:
        return
    file, last = part.file, part.progress.read
    body = b"".join(part.lines[number] for number in sorted(part.lines))
    key = rejected_key(file.key, file.version, first, last)
    uploads.write(clients.s3(), file.bucket, key, body, "application/x-ndjson")
    part.progress.ranges.append([first, last])
    part.lines, part.unwritten = {}, 0
    if len(part.progress.ranges) == MAX_REJECTED_FILES and not part.ended:
        part.break_off("too many records are rejected")


def _status(part: Part) -> str:
    if part.late and not part.ended and part.progress.invocation < MAX_INVOCATIONS:
        return RUNNING
    if part.late and not part.ended:
        part.break_off(f"not read to its end by {MAX_INVOCATIONS} invocations")
    if part.fault is None:
        return COMPLETED
    return BROKEN if part.progress.read else FAILED


def _report(part: Part, status: str) -> dict:
    """Write the report, and return it."""
    file = part.file
    report = imports.report(
        part.progress,
        status=status,
        fault=part.fault,
        key=file.key,
        url=file.url,
        version=file.version,
        size=file.size,
        now=_now(),
    )
    body = strict_json.dumps(report).encode()
    uploads.write(clients.s3(), file.bucket, report_key(file.key, file.version), body, "application/json")
    return report


def _hand_over(event: dict, context: object, part: Part) -> None:
    rest = replace(part.progress, invocation=part.progress.invocation + 1, position=part.position())
    clients.functions().invoke(
        FunctionName=context.invoked_function_arn,
        InvocationType="Event",
        Payload=strict_json.dumps({**event, "continuation": imports.continuation(rest)}).encode(),
    )


def _now() -> int:
    return time.time_ns() // 1_000_000


clients.sqs(*SQS_PATIENCE)
validation.warm_up("ImportRecord")
