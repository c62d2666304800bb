"""Import a file of orders: check it, upload it, and follow its report. Shows nothing."""

import contextlib
import json
import re
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from contract.imports import COMPLETED, MAX_KEY_BYTES, MAX_UNPACKED_BYTES, RUNNING, UPLOAD_PREFIX, report_key
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.show.bars import OnProgress
from operations.queues import dead_letters, lookup
from operations.queues.dead_letters import DeadLetter, printable

FIRST_INTERVAL, MAX_INTERVAL, _GROWTH = 0.2, 5.0, 1.5
"""Seconds between polls for the report; each interval is longer than the one before."""

DEAD_LETTER_INTERVAL = 5.0
"""Seconds between polls for dead letters: each poll hides them from others for a moment."""

TIMEOUT = 20 * 60.0
"""Seconds without a new report before giving up. An invocation may run for fifteen minutes."""

MAX_DEAD_LETTERS = 50
"""Dead letters read at most, to find this file's."""

DRAIN_INTERVAL, DRAIN_TIMEOUT = 2.0, 5 * 60.0
"""Seconds between polls of the order queue, and without progress before giving up."""

REJECTED = 10
"""Rejected records shown."""

_KIND = re.compile(r".*\.(json|jsonl|ndjson|csv)(\.gz)?", re.IGNORECASE | re.DOTALL)
_UPLOADING = ("PutObject", "CompleteMultipartUpload")


@dataclass(frozen=True)
class Upload:
    """An uploaded file, with the version that this upload made."""

    bucket: str
    key: str
    version: str

    @property
    def report_uri(self) -> str:
        return self.uri_of(report_key(self.key, self.version))

    def uri_of(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"


@dataclass(frozen=True)
class Outcome:
    """How following ended: with a final report, with a dead letter about the file, or by timeout.

    `report`: the last one seen; None if there was none.
    """

    report: Mapping | None
    dead_letter: DeadLetter | None = None

    @property
    def final(self) -> Mapping | None:
        """The report, if it is final."""
        return self.report if self.report is not None and self.report["status"] != RUNNING else None


def check(path: Path) -> int:
    """Return the file's size in bytes. Raises Failure(USAGE) if it cannot be imported. Calls no AWS."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise _unfit(path, "is not a regular file")
        path.open("rb").close()
    except FileNotFoundError:
        raise _unfit(path, "does not exist") from None
    except OSError as error:
        raise _unfit(path, f"cannot be read: {error.strerror}") from None
    if not _KIND.fullmatch(path.name):
        raise _unfit(
            path,
            "has an unknown extension",
            "its name must end in .json, .jsonl, .ndjson or .csv, or in one of them and .gz",
        )
    if not found.st_size:
        raise _unfit(path, "is empty")
    if found.st_size > MAX_UNPACKED_BYTES:
        raise _unfit(path, f"is larger than {MAX_UNPACKED_BYTES // 1024**3} GiB", "split it")
    return found.st_size


def key_of(path: Path) -> str:
    """Return the object key, made of the file's name. Raises Failure(USAGE) if S3 cannot have such a key."""
    key = UPLOAD_PREFIX + path.name
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        raise _unfit(path, "has a name that is not UTF-8", "rename it") from None
    if length > MAX_KEY_BYTES:
        raise _unfit(path, f"has too long a name: {length} bytes as {UPLOAD_PREFIX}<name>, S3 allows {MAX_KEY_BYTES}")
    return key


def _unfit(path: Path, why: str, hint: str = "") -> Failure:
    return Failure(Exit.USAGE, f"{printable(str(path))} {why}; nothing was uploaded", hint)


def upload(s3, path: Path, size: int, bucket: str, key: str, on_progress: OnProgress) -> Upload:
    """Upload the file, large ones in parallel parts; `on_progress` gets bytes, one call at a time.

    The version is from the response to this upload: a later request could return another upload's.
    Raises Failure(INTERRUPTED) saying whether the file is there, and botocore's exceptions.
    """
    from boto3.s3.transfer import TransferConfig

    done, lock = 0, threading.Lock()

    def count(more: int) -> None:  # negative when a part is sent again
        nonlocal done
        with lock:
            done += more
            on_progress(done, size)

    # The CRT transfer manager does not call the client, so its responses have no version.
    config = TransferConfig(preferred_transfer_client="classic")
    with _versions(s3) as versions:
        try:
            with path.open("rb") as file:
                s3.upload_fileobj(file, bucket, key, Callback=count, Config=config)
        except KeyboardInterrupt:
            if versions:
                raise interrupted(Upload(bucket, key, versions[-1])) from None
            raise Failure(Exit.INTERRUPTED, "interrupted; the file was not uploaded, nothing is imported") from None
        except OSError as error:
            raise _unfit(path, f"can no longer be read: {error.strerror}") from error
    if not versions:
        raise Failure(Exit.FAILED, f"versioning is off in {bucket}, so the report of this upload cannot be identified")
    return Upload(bucket, key, versions[-1])


def interrupted(about: Upload) -> Failure:
    return Failure(
        Exit.INTERRUPTED,
        f"interrupted; {printable(about.key)} is uploaded, and its import continues",
        f"its report will be {printable(about.report_uri)}",
    )


@contextlib.contextmanager
def _versions(s3) -> Iterator[list[str]]:
    """Collect the versions that this client creates."""
    made: list[str] = []

    def remember(parsed: Mapping, **_) -> None:
        if "VersionId" in parsed:
            made.append(parsed["VersionId"])

    for operation in _UPLOADING:
        s3.meta.events.register(f"after-call.s3.{operation}", remember)
    try:
        yield made
    finally:
        for operation in _UPLOADING:
            s3.meta.events.unregister(f"after-call.s3.{operation}", remember)


def report_on(s3, about: Upload) -> dict | None:
    """Return the current report (contract.imports.IMPORT_REPORT); None if there is none, or S3 does not answer."""
    try:
        answer = s3.get_object(Bucket=about.bucket, Key=report_key(about.key, about.version))
        return json.loads(answer["Body"].read())
    except Exception as error:
        if service_errors.code_of(error) == "NoSuchKey" or service_errors.is_transient(error):
            return None
        raise


def dead_letter_of(aws: Aws, logical_id: str, url: str, about: Upload) -> DeadLetter | None:
    """Return the dead letter of this upload, if there is one and it can be read. Removes nothing."""
    try:
        if not lookup.read(aws, logical_id, url).waiting:
            return None
        found = dead_letters.peek(aws.client("sqs"), url, MAX_DEAD_LETTERS)
    except Exception as error:
        if service_errors.is_transient(error) or service_errors.is_denied(error):
            return None
        raise
    return next((each for each in found if _concerns(each, about)), None)


def _concerns(dead_letter: DeadLetter, about: Upload) -> bool:
    found = dead_letters.upload_of(dead_letter.body)
    return (found.get("key"), found.get("version-id")) == (about.key, about.version)


def follow(
    report: Callable[[], Mapping | None],
    dead_letter: Callable[[], DeadLetter | None],
    on_look: Callable[[Mapping | None], None],
    clock=time,
) -> Outcome:
    """Poll for a final report, and less often for a dead letter, until there is one or TIMEOUT expires.

    `on_look` gets the last report after each poll. A final report takes precedence over a dead letter.
    """
    last, pause = None, FIRST_INTERVAL
    heard = asked = clock.monotonic()
    while True:
        found = report()
        now = clock.monotonic()
        if found is not None and found != last:
            last, heard = found, now
        on_look(last)
        if Outcome(last).final:
            return Outcome(last)
        if now - asked >= DEAD_LETTER_INTERVAL:
            if found_letter := dead_letter():
                return Outcome(last, found_letter)
            asked = clock.monotonic()
        if now - heard > TIMEOUT:
            return Outcome(last)
        clock.sleep(pause)
        pause = min(pause * _GROWTH, MAX_INTERVAL)


def is_flawless(report: Mapping) -> bool:
    """Return whether every record of the file was queued."""
    return report["status"] == COMPLETED and not report["rejected"]


def first_rejected(s3, bucket: str, keys: Iterable[str]) -> list[dict]:
    """Return record, line, reason and details of the first rejected records, without their text (personal data).

    Streams: reads no more of the files than needed.
    """
    found: list[dict] = []
    for key in keys:
        with contextlib.closing(s3.get_object(Bucket=bucket, Key=key)["Body"]) as body:
            for line in body.iter_lines():
                record = json.loads(line)
                found.append({name: record[name] for name in ("record", "line", "reason", "details")})
                if len(found) == REJECTED:
                    return found
    return found


def drain(left: Callable[[], int], on_look: Callable[[int], None], clock=time) -> int:
    """Poll a queue until it is empty twice in a row (SQS's counts lag), or has not shrunk for DRAIN_TIMEOUT.

    Return what is left.
    """
    empty, least, since = 0, float("inf"), clock.monotonic()
    while True:
        number, now = left(), clock.monotonic()
        on_look(number)
        empty = 0 if number else empty + 1
        if number < least:
            least, since = number, now
        if empty == 2 or now - since > DRAIN_TIMEOUT:
            return number
        clock.sleep(DRAIN_INTERVAL)
