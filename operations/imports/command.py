"""`--import`: upload a file of orders, follow its import, and report what was queued and rejected."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from config import names
from contract.imports import ORDERS_PER_MESSAGE
from deployer import connection
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show import bars
from deployer.show.ui import Ui
from deployer.stacks import outputs
from operations.imports import file_import
from operations.imports.file_import import Outcome, Upload
from operations.queues import lookup
from operations.queues.dead_letters import printable

DEAD_LETTERS, ORDERS, REJECTED_ORDERS = "OrderImportDLQ", "OrderQueue", "OrderQueueDLQ"
_URLS = {DEAD_LETTERS: "OrderImportDlqUrl", ORDERS: "OrderQueueUrl", REJECTED_ORDERS: "OrderQueueDlqUrl"}


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Upload the file, wait for its report and for the queue; return the report, exit code included.

    Raises Failure if the file cannot be imported, is not uploaded, fails as a whole, or has no report in time.
    """
    file = options.file
    size, key = file_import.check(file), file_import.key_of(file)
    aws, stack = connection.deployed(ui, options, root)
    known = outputs.needed(aws, stack, options, ("UploadBucketName", *_URLS.values()))
    urls = {logical_id: known[output] for logical_id, output in _URLS.items()}
    rejected_before = lookup.read(aws, REJECTED_ORDERS, urls[REJECTED_ORDERS]).waiting
    about = _upload(aws, ui, file, size, known["UploadBucketName"], key)
    with _import_continues(about):
        report = _outcome(ui, _follow(aws, ui, urls[DEAD_LETTERS], about), about, options.env)
    rejected = _show_rejected(aws, ui, about, report)
    refused = _watch_queue(aws, ui, urls, rejected_before) if report["queued"] else 0
    code = Exit.OK if file_import.is_flawless(report) and not refused else Exit.FAILED
    return {"result": "imported", "report": report, "rejected": rejected, "exitCode": int(code)}


def _upload(aws: Aws, ui: Ui, file: Path, size: int, bucket: str, key: str) -> Upload:
    from rich.filesize import decimal
    from rich.progress import DownloadColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = [DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()]
    with (
        ui.step("Upload", spinner=False) as step,
        bars.bar(ui, "Upload", columns, lambda done, of: f"uploaded {decimal(done)} of {decimal(of)}") as on_progress,
    ):
        about = file_import.upload(aws.client("s3"), file, size, bucket, key, on_progress)
        step.result = f"{decimal(size)} to {printable(about.uri_of(key))}"
    return about


def _follow(aws: Aws, ui: Ui, dead_letters_url: str, about: Upload) -> Outcome:
    s3 = aws.client("s3")
    with bars.waiting(ui, "Import") as on_news:
        return file_import.follow(
            lambda: file_import.report_on(s3, about),
            lambda: file_import.dead_letter_of(aws, DEAD_LETTERS, dead_letters_url, about),
            lambda report: on_news(_so_far(report)),
        )


def _so_far(report: Mapping | None) -> str:
    if report is None:
        return "no report yet"
    return f"{report['read']:,} read, {report['queued']:,} queued, {report['rejected']:,} rejected so far"


@contextmanager
def _import_continues(about: Upload) -> Iterator[None]:
    """Say, when waiting is interrupted or fails, that the import itself continues."""
    try:
        yield
    except KeyboardInterrupt:
        raise file_import.interrupted(about) from None
    except Exception as error:
        cause = _cause(error)
        raise Failure(
            cause.code,
            f"{cause.message}; {printable(about.key)} is uploaded, and its import continues",
            "; ".join(filter(None, (cause.hint, f"its report will be {printable(about.report_uri)}"))),
        ) from error


def _cause(error: Exception) -> Failure:
    """Return the error as a Failure; raise it again if it is not AWS's."""
    cause = service_errors.explain(error)
    if cause is None:
        raise error
    return cause


def _outcome(ui: Ui, outcome: Outcome, about: Upload, environment: str) -> Mapping:
    """Show and return the final report. Raises Failure(FAILED) with where to look if there is none."""
    if outcome.report is not None:
        _show(ui, outcome.report, about)
    if (final := outcome.final) is not None:
        return final
    log = f"the log group {names.log_group(environment, 'orders-import')}"
    if outcome.dead_letter:
        raise Failure(
            Exit.FAILED,
            f"the import failed: {outcome.dead_letter.reason}, {outcome.dead_letter.detail}",
            f"see {log}; when its cause is fixed, --redrive {DEAD_LETTERS}",
        )
    raise Failure(
        Exit.FAILED,
        f"no report of the import for {file_import.TIMEOUT / 60:.0f} minutes; it may still be running",
        f"check with --dlq {DEAD_LETTERS}, and {log}; its report will be {printable(about.report_uri)}",
    )


def _show(ui: Ui, report: Mapping, about: Upload) -> None:
    flawless = file_import.is_flawless(report)
    ui.line(
        f"{ui.ok if flawless else ui.bad} Import     {report['queued']:,} of {report['read']:,} records queued",
        "green" if flawless else "red",
    )
    ui.table(_rows(report))
    for name, key in [("report", None), *(("rejected", key) for key in report["rejectedFiles"])]:
        ui.line(f"  {name:<8} {printable(about.uri_of(key) if key else about.report_uri)}")


def _rows(report: Mapping) -> list[tuple[str, str]]:
    from rich.filesize import decimal

    fault, seconds = report["fault"], report["durationMs"] / 1000
    packed = ", gzip" if report["compressed"] else ""
    rows = [
        ("file", f"{report['sourceFile']} ({decimal(report['bytes'])}, {report['format'] or 'unknown'}{packed})"),
        ("version", report["version"]),
        ("status", report["status"]),
        *((name, f"{report[name]:,}") for name in ("read", "queued", "rejected")),
        *((f"  {reason}", f"{number:,}") for reason, number in Counter(report["reasons"]).most_common()),
        ("duration", f"{seconds:,.1f} s"),
        ("orders per second", f"{report['queued'] / seconds:,.0f}" if seconds else "-"),
        ("invocations", str(report["invocations"])),
    ]
    if fault:
        position = "".join(f", {name} {fault[name]:,}" for name in ("line", "byte") if name in fault)
        rows.insert(3, ("fault", fault["reason"] + position))
    return [(printable(name), printable(value)) for name, value in rows]


def _show_rejected(aws: Aws, ui: Ui, about: Upload, report: Mapping) -> list[dict]:
    """Show the first rejected records. Failing to read them does not fail the import."""
    try:
        found = file_import.first_rejected(aws.client("s3"), about.bucket, report["rejectedFiles"])
    except Exception as error:
        ui.warn(f"the rejected records cannot be shown: {_cause(error).message}")
        return []
    rows = [
        (f"{each['record']:,}", f"{each['line']:,}", printable(each["reason"]), printable("; ".join(each["details"])))
        for each in found
    ]
    if rows:
        ui.line(f"{len(rows)} of {report['rejected']:,} rejected records", "bold")
        ui.table(rows, ("record", "line", "reason", "details"))
    return found


def _watch_queue(aws: Aws, ui: Ui, urls: Mapping[str, str], rejected_before: int) -> int:
    """Wait until the queue is empty; return about how many dead letters arrived meanwhile: each an order that the worker
    rejected, or a message that failed five times.

    They may belong to other files; assuming so would report rejected orders as stored. An error here does not fail
    the import.
    """
    try:
        queue = lookup.read(aws, ORDERS, urls[ORDERS])
        ui.line(
            f"{ORDERS} has about {queue.waiting:,} messages waiting and {queue.in_flight:,} in flight, other orders "
            f"included; a message has up to {ORDERS_PER_MESSAGE} orders"
        )
        left = _drain(aws, ui, urls[ORDERS])
        refused = max(0, lookup.read(aws, REJECTED_ORDERS, urls[REJECTED_ORDERS]).waiting - rejected_before)
    except KeyboardInterrupt:
        ui.warn("stopped watching; the worker continues")
        return 0
    except Exception as error:
        ui.warn(f"the queue cannot be watched: {_cause(error).message}; the worker continues")
        return 0
    if left:
        ui.warn(f"{ORDERS} stopped shrinking: about {left:,} messages are left, of this file or of others")
    else:
        ui.line(f"{ui.ok} Stored     {ORDERS} is empty (SQS counts are approximate)")
    if refused:
        ui.warn(
            f"about {refused:,} messages, of this file or of others, arrived in {REJECTED_ORDERS} meanwhile: "
            f"--dlq {REJECTED_ORDERS}"
        )
    return refused


def _drain(aws: Aws, ui: Ui, url: str) -> int:
    from rich.progress import MofNCompleteColumn, TimeElapsedColumn

    most = 0

    def left() -> int:
        queue = lookup.read(aws, ORDERS, url)
        return queue.waiting + queue.in_flight

    columns = [MofNCompleteColumn(), TimeElapsedColumn()]
    with bars.bar(ui, ORDERS, columns, lambda done, of: f"about {of - done:,} of {of:,} left") as on_progress:

        def on_look(number: int) -> None:
            nonlocal most
            most = max(most, number)
            on_progress(most - number, most)

        return file_import.drain(left, on_look)
