"""`--import`: bring in a file of orders, and tell what became of each. Deploys nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from config import names
from deployer import connection
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show import bars
from deployer.show.ui import Ui
from deployer.stacks import outputs
from operations.imports import file_import
from operations.imports.file_import import Ending, Upload
from operations.queues import lookup
from operations.queues.dead_letters import printable

DEAD_LETTERS, ORDERS, REJECTED_ORDERS = "OrderImportDLQ", "OrderQueue", "OrderQueueDLQ"
_URLS = {DEAD_LETTERS: "OrderImportDlqUrl", ORDERS: "OrderQueueUrl", REJECTED_ORDERS: "OrderQueueDlqUrl"}


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Upload it, wait for its report and for the queue; the document says how it ended, its exit code included.

    Raises Failure when the file is unfit, is not uploaded, fails as a whole, or there is no news of it.
    """
    file = options.file
    size, key = file_import.check(file), file_import.key_of(file)
    aws, stack = connection.deployed(ui, options, root)
    known = outputs.needed(aws, stack, options, ("UploadBucketName", *_URLS.values()))
    urls = {logical_id: known[output] for logical_id, output in _URLS.items()}
    refused_before = lookup.read(aws, REJECTED_ORDERS, urls[REJECTED_ORDERS]).waiting
    about = _upload(aws, ui, file, size, known["UploadBucketName"], key)
    with _going_on_without_us(about):
        report = _outcome(ui, _follow(aws, ui, urls[DEAD_LETTERS], about), about, options.env)
    rejected = _show_rejected(aws, ui, about, report)
    refused = _watch_queue(aws, ui, urls, refused_before) if report["queued"] else 0
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


def _follow(aws: Aws, ui: Ui, dead_letters_url: str, about: Upload) -> Ending:
    s3 = aws.client("s3")
    with bars.waiting(ui, "Import") as on_news:
        return file_import.follow(
            lambda: file_import.report_on(s3, about),
            lambda: file_import.letter_about(aws, DEAD_LETTERS, dead_letters_url, about),
            lambda report: on_news(_so_far(report)),
        )


def _so_far(report: Mapping | None) -> str:
    if report is None:
        return "no report yet"
    return f"{report['read']:,} read, {report['queued']:,} queued, {report['rejected']:,} rejected so far"


@contextmanager
def _going_on_without_us(about: Upload) -> Iterator[None]:
    """Whatever ends our waiting ends only that."""
    try:
        yield
    except KeyboardInterrupt:
        raise file_import.interrupted(about) from None
    except Exception as error:
        cause = _cause(error)
        raise Failure(
            cause.code,
            f"{cause.message}; {printable(about.key)} is uploaded, and its import goes on without us",
            "; ".join(filter(None, (cause.hint, f"its report will be {printable(about.report_uri)}"))),
        ) from error


def _cause(error: Exception) -> Failure:
    """What it amounts to; raises it again when it is not AWS's."""
    cause = service_errors.explain(error)
    if cause is None:
        raise error
    return cause


def _outcome(ui: Ui, ending: Ending, about: Upload, environment: str) -> Mapping:
    """The final report, shown; Failure(FAILED) says where to look when there is none."""
    if ending.report is not None:
        _show(ui, ending.report, about)
    if ending.is_final:
        return ending.report
    log = f"the log group {names.log_group(environment, 'orders-import')}"
    if ending.letter:
        raise Failure(
            Exit.FAILED,
            f"the import failed: {ending.letter.reason}, {ending.letter.detail}",
            f"see {log}; when its cause is mended, --redrive {DEAD_LETTERS}",
        )
    raise Failure(
        Exit.FAILED,
        f"no news of the import for {file_import.PATIENCE / 60:.0f} minutes; it may still go on",
        f"look with --dlq {DEAD_LETTERS}, and into {log}; its report will be {printable(about.report_uri)}",
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
        place = "".join(f", {name} {fault[name]:,}" for name in ("line", "byte") if name in fault)
        rows.insert(3, ("fault", fault["reason"] + place))
    return [(printable(name), printable(value)) for name, value in rows]


def _show_rejected(aws: Aws, ui: Ui, about: Upload, report: Mapping) -> list[dict]:
    """The first few. That they cannot be read now changes nothing about the import."""
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


def _watch_queue(aws: Aws, ui: Ui, urls: Mapping[str, str], refused_before: int) -> int:
    """Until what was queued has been worked on: how many orders were rejected meanwhile, as far as is known.

    They may be others' orders; but that one of the file is stored nobody may believe without having looked. What ends
    the watching changes nothing about the import.
    """
    try:
        queue = lookup.read(aws, ORDERS, urls[ORDERS])
        ui.line(
            f"{ORDERS} has about {queue.waiting:,} waiting and {queue.in_flight:,} in flight, other orders included"
        )
        left = _drain(aws, ui, urls[ORDERS])
        refused = max(0, lookup.read(aws, REJECTED_ORDERS, urls[REJECTED_ORDERS]).waiting - refused_before)
    except KeyboardInterrupt:
        ui.warn("no longer watched; the worker goes on storing")
        return 0
    except Exception as error:
        ui.warn(f"the queue cannot be watched: {_cause(error).message}; the worker goes on storing")
        return 0
    if left:
        ui.warn(f"{ORDERS} no longer becomes shorter: about {left:,} are left, of this file or of others")
    else:
        ui.line(f"{ui.ok} Stored     {ORDERS} is empty, as far as SQS can tell: its numbers are approximate")
    if refused:
        ui.warn(
            f"meanwhile about {refused:,} orders, of this file or of others, were rejected: --dlq {REJECTED_ORDERS}"
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
