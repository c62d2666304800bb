"""Logs (JSON) and metrics (EMF), one flush per request.

Nothing here takes a body, a header, an address or an exception's message:
what is never handed over cannot leak. A test plants secrets and looks for them.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import TracebackType

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, single_metric
from botocore.exceptions import ClientError

# RFC 3339, or Lambda's own log-level filter takes every line for INFO.
logger = Logger(utc=True, use_rfc3339=True)
metrics = Metrics()
_dimensions = {"Environment": os.environ.get("ENVIRONMENT", "local")}
metrics.set_default_dimensions(**_dimensions)

# At DEBUG the SDK logs whole request bodies; Lambda's log level reaches it too.
for _library in ("botocore", "urllib3"):
    logging.getLogger(_library).setLevel(logging.WARNING)

_cold = True


def begin(request_id: str | None, context: object) -> None:
    """Start a request: every log line until the next one carries its ids."""
    global _cold
    logger.append_keys(
        correlation_id=request_id,
        function_request_id=getattr(context, "aws_request_id", None),
    )
    if _cold:
        metrics.add_metric("ColdStart", "Count", 1)
        _cold = False


def count(metric: str, times: int = 1) -> None:
    metrics.add_metric(metric, "Count", times)


def order_created(order_id: str, total: Decimal) -> None:
    count("OrderCreated")
    metrics.add_metric("OrderValue", "None", float(total))
    logger.info("order created", order_id=order_id)


def order_accepted(order_id: str, message_id: str) -> None:
    count("OrderAccepted")
    logger.info("order accepted", order_id=order_id, message_id=message_id)


def order_rejected(code: str) -> None:
    """`code` is one of contract.errors."""
    count("OrderRejected")
    metrics.add_metadata("reason", code)


def order_stored(total: Decimal, delay_ms: int | None, **ids: str | None) -> None:
    """`delay_ms`: since it was accepted. `ids` here and below: message_id, order_id, correlation_id."""
    count("OrderStored")
    metrics.add_metric("OrderValue", "None", float(total))
    if delay_ms is not None:
        metrics.add_metric("OrderStoreDelay", "Milliseconds", delay_ms)
    logger.info("order stored", **ids)


def order_duplicate(**ids: str | None) -> None:
    count("OrderDuplicate")
    logger.info("order is there already", **ids)


def message_rejected(code: str, details: list[str], **ids: str | None) -> None:
    """To the dead-letter queue. `code` is one of contract.errors, `details` as in OrderError."""
    logger.warning("message rejected", reason=code, details=details, **ids)


def orders_rejected(reasons: Mapping[str, int]) -> None:
    """How many for each code of contract.errors."""
    for code, times in reasons.items():
        count("OrderRejected", times)
        # By reason as well, in a document of its own: all metrics of one share their dimensions.
        with single_metric("OrderRejected", "Count", times, default_dimensions=_dimensions) as metric:
            metric.add_dimension("reason", code)


def message_failed(error: BaseException, **ids: str | None) -> None:
    """Back to the queue."""
    count("OrderRetried")
    failure(error, **ids)


def events_published(number: int) -> None:
    count("EventsPublished", number)


def event_failed(code: str | None) -> None:
    count("EventsFailed")
    logger.error("event not published", aws_error=code)


def configuration_fallback(parameter: str) -> None:
    """`parameter` is the name of the environment variable."""
    count("ConfigurationFallback")
    logger.warning("configuration not readable; using the last good or default one", parameter=parameter)


def failure(error: BaseException, **ids: str | None) -> None:
    """Log where `error` came from. Its message may quote the request: left out."""
    from_aws = isinstance(error, ClientError)
    logger.error(
        "request failed",
        exception=[type(each).__qualname__ for each in _chain(error)],
        frames=list(_frames(error.__traceback__)),
        aws_operation=error.operation_name if from_aws else None,
        aws_error=error.response["Error"]["Code"] if from_aws else None,
        **ids,
    )


def finish(operation: str, status: int, milliseconds: float) -> None:
    """End a request: one log line, and its metrics as one EMF document."""
    milliseconds = round(milliseconds, 3)
    logger.info("request", operation=operation, status=status, milliseconds=milliseconds)
    metrics.add_metric("OrderProcessingLatency", "Milliseconds", milliseconds)
    metrics.add_metadata("operation", operation)
    metrics.flush_metrics()


def batch_finished(size: int, failed: int, milliseconds: float) -> None:
    """End a batch: one log line, and its metrics as one EMF document, or a few for a large batch."""
    milliseconds = round(milliseconds, 3)
    logger.info("batch", size=size, failed=failed, milliseconds=milliseconds)
    metrics.add_metric("BatchSize", "Count", size)
    metrics.add_metric("BatchDuration", "Milliseconds", milliseconds)
    metrics.flush_metrics()


def import_advanced(status: str, *, queued: int, rejected: int, milliseconds: float, **ids: str | int) -> None:
    """End an invocation for a file: one log line, and its metrics as one EMF document.

    `status` is one of contract.imports.STATUSES; `queued` and `rejected` count this invocation's records.
    `ids`: source_file, version, invocation. The name of a file is logged, so
    partners must not write anything about a person into it.
    """
    milliseconds = round(milliseconds, 3)
    logger.info("import", status=status, queued=queued, rejected=rejected, milliseconds=milliseconds, **ids)
    count("OrdersProcessed", queued)
    count("OrderProcessingErrors", rejected)
    metrics.flush_metrics()


def import_finished(report: Mapping[str, object]) -> None:
    """Log what came of a whole file. `report` is an IMPORT_REPORT, which holds nothing of the file's text."""
    counts = {name: report[name] for name in ("status", "read", "queued", "rejected", "reasons", "fault")}
    logger.info("file", source_file=report["sourceFile"], version=report["version"], **counts)
    metrics.add_metric("ProcessingTime", "Milliseconds", report["durationMs"])
    if report["read"]:
        metrics.add_metric("SuccessRate", "Percent", 100 * report["queued"] / report["read"])


def import_failed(error: BaseException) -> None:
    """Back to Lambda, which tries again."""
    count("ProcessingFailures")
    failure(error)
    metrics.flush_metrics()


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _frames(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield f"{code.co_filename}:{traceback.tb_lineno} {code.co_name}"
        traceback = traceback.tb_next
