"""Logs (JSON) and metrics (EMF) of the handlers, with one flush per request.

No function takes a body, a header, an address or an exception's message: what is not passed cannot leak. A test sends
secrets and searches the logs for them.
"""

import logging
from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import TracebackType
from typing import Any, TypedDict, Unpack

from aws_lambda_powertools.logging import Logger
from botocore.exceptions import ClientError

from contract.metrics import ASYNC, IMPORT, SYNC
from domain.callers import Caller
from handlers import emf, faults

# Without RFC 3339 Lambda's log-level filter takes every line for INFO.
logger = Logger(utc=True, use_rfc3339=True, location=None)

# At DEBUG the SDK logs request bodies, and Lambda's log level applies to it too.
for _library in ("botocore", "urllib3"):
    logging.getLogger(_library).setLevel(logging.WARNING)

# The ingestion path of an order by its source (contract.schemas.SOURCES).
PATH_OF = {"api": SYNC, "pipeline": ASYNC, "import": IMPORT}


class Ids(TypedDict, total=False):
    """Ids that a log line carries, each under its name."""

    message_id: str | None
    order_id: str | None
    correlation_id: str | None
    sequence_number: str
    source_file: str | None


_cold = True
_stored = False  # whether the current request has stored an order


def begin(request_id: str | None, context: object) -> None:
    """Start a request: every log line until the next request has its ids."""
    global _cold, _stored
    _stored = False
    logger.append_keys(
        correlation_id=request_id,
        function_request_id=getattr(context, "aws_request_id", None),
        order_id=None,
        partner=None,
        tier=None,
        cold_start=1 if _cold else None,
    )
    if _cold:
        count("ColdStart")
        _cold = False


def called_by(caller: Caller) -> None:
    """Add the partner that sent the request, and its tier, to the request's log lines, never the key; count the request."""
    logger.append_keys(partner=caller.partner, tier=caller.tier)
    emf.add("RequestReceived", 1, tier=caller.metric_tier)


def about(order_id: str) -> None:
    """Add the id of the request's order, which must be valid, to its log lines."""
    logger.append_keys(order_id=order_id)


def count(metric: str, times: int = 1) -> None:
    emf.add(metric, times)


def order_created(order_id: str, total: Decimal, per_hour: int) -> None:
    """Log an order stored by the API. `per_hour` is api-config's maxOrdersPerHour."""
    global _stored
    _stored = True
    about(order_id)
    emf.add("OrderValue", float(total), path=SYNC)
    hourly_limit_used(1, per_hour)
    logger.info("order created")


def order_status_changed(status: str) -> None:
    """Log a change to `status`, one of contract.schemas."""
    emf.add("OrderStatusChanged", 1, status=status)
    logger.info("order status changed", order_status=status)


def order_accepted(order_id: str, message_id: str) -> None:
    about(order_id)
    logger.info("order accepted", message_id=message_id)


def order_rejected(code: str, times: int = 1) -> None:
    """Count rejected orders. `code` is one of contract.errors."""
    emf.add("OrderRejected", times, reason=code)


def order_stored(source: str, total: Decimal, delay_ms: int | None, **ids: Unpack[Ids]) -> None:
    """Log a stored order. `source` is one of contract.schemas; `delay_ms` is the time since SQS received the message, None if unknown."""
    path = PATH_OF[source]
    emf.add("OrderValue", float(total), path=path)
    if delay_ms is not None:
        emf.add("OrderProcessingLatency", delay_ms, path=path)
    logger.info("order stored", **ids)


def hourly_limit_used(stored: int, per_hour: int) -> None:
    """Write the percentage of api-config's maxOrdersPerHour that `stored` orders use, rounded down.

    A multiple of 2^-40: sums of such numbers are exact in floating point, so as many orders as allowed are never above
    100, and one more always is, up to ten million an hour.
    """
    emf.add("HourlyLimitUsed", (100 * stored << 40) // per_hour / 2**40)


def order_duplicate(**ids: Unpack[Ids]) -> None:
    count("OrderDuplicate")
    logger.info("order is there already", **ids)


def message_rejected(code: str, details: list[str], **ids: Unpack[Ids]) -> None:
    """Log an order sent to the dead-letter queue. `code` is one of contract.errors, `details` as in OrderError."""
    logger.warning("message rejected", reason=code, details=details, **ids)


def rejection_postponed(code: str, details: list[str], **ids: Unpack[Ids]) -> None:
    """Log an order that is rejected with a later delivery of its message. Arguments as in message_rejected."""
    count("OrderRetried")
    logger.warning("rejection postponed", reason=code, details=details, **ids)


def message_failed(error: BaseException, **ids: Unpack[Ids]) -> None:
    """Log an order whose message goes back to the queue."""
    count("OrderRetried")
    failure(error, **ids)


def message_unknown(details: list[str], **ids: Unpack[Ids]) -> None:
    """Log a newer version's message, which goes back to the queue: expected during a deployment, so no error."""
    count("OrderRetried")
    logger.warning("message not known to this version", details=details, **ids)


def event_published(event_id: str, **ids: Unpack[Ids]) -> None:
    logger.info("event published", event_id=event_id, **ids)


def event_failed(code: str | None, event_id: str, **ids: Unpack[Ids]) -> None:
    """Log an event that is retried from the stream."""
    count("EventsFailed")
    logger.error("event not published", aws_error=code, event_id=event_id, **ids)


def configuration_fallback(parameter: str) -> None:
    """Log a fallback. `parameter` is the name of the environment variable."""
    count("ConfigurationFallback")
    logger.warning("configuration not readable; using the last good or default one", parameter=parameter)


def configuration_ignored(parameter: str, keys: int) -> None:
    """Log the number of unknown keys. Their names are an operator's text, which is not logged."""
    count("ConfigurationFallback")
    logger.warning("configuration has unknown keys; ignoring them", parameter=parameter, unknown_keys=keys)


def failure(error: BaseException, **ids: Unpack[Ids]) -> None:
    """Log where `error` was raised, without its message, which may quote the request."""
    from_aws = error if isinstance(error, ClientError) else None
    logger.error(
        "request failed",
        exception=[type(each).__qualname__ for each in _chain(error)],
        frames=list(_frames(error.__traceback__)),
        aws_operation=from_aws.operation_name if from_aws else None,
        aws_error=faults.code_of(from_aws) if from_aws else None,
        **ids,
    )


def finish(operation: str, status: int, milliseconds: float) -> None:
    """End a request: write one log line, and one with its metrics."""
    milliseconds = round(milliseconds, 3)
    logger.info("request", operation=operation, status=status, milliseconds=milliseconds)
    if operation:
        emf.add("RequestLatency", milliseconds, operation=operation)
    if status == 500:
        count("RequestFailed")
    # Refused requests are fast and would hide slow ones.
    if _stored:
        emf.add("OrderProcessingLatency", milliseconds, path=SYNC)
    emf.flush()


def batch_finished(size: int, failed: int, milliseconds: float) -> None:
    """End a batch of `size` orders: write one log line, and one or, for a mixed or large batch, a few with its metrics."""
    logger.info("batch", size=size, failed=failed, milliseconds=round(milliseconds, 3))
    emf.flush()


def import_advanced(
    status: str, *, queued: int, rejected: int, milliseconds: float, source_file: str, version: str, invocation: int
) -> None:
    """End an invocation for a file: write one log line, and one with its metrics.

    `status` is one of contract.imports.STATUSES; `queued` and `rejected` count this invocation's records.
    A file's name is logged: partners must not write anything about a person into it.
    """
    milliseconds = round(milliseconds, 3)
    logger.info(
        "import",
        status=status,
        queued=queued,
        rejected=rejected,
        milliseconds=milliseconds,
        source_file=source_file,
        version=version,
        invocation=invocation,
    )
    count("OrdersProcessed", queued)
    count("OrderProcessingErrors", rejected)
    emf.flush()


def import_finished(report: Mapping[str, Any]) -> None:
    """Log the result of a file. `report` is an IMPORT_REPORT, which has no text of the file."""
    counts = {name: report[name] for name in ("status", "read", "queued", "rejected", "reasons", "fault")}
    logger.info("file", source_file=report["sourceFile"], version=report["version"], **counts)
    emf.add("ProcessingTime", report["durationMs"])
    if report["read"]:
        emf.add("SuccessRate", 100 * report["queued"] / report["read"])


def import_failed(error: BaseException) -> None:
    """Log a failed invocation, which Lambda retries."""
    count("ProcessingFailures")
    failure(error)
    emf.flush()


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _frames(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield f"{code.co_filename}:{traceback.tb_lineno} {code.co_name}"
        traceback = traceback.tb_next
