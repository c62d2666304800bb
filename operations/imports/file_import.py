"""Bring in a file of orders: check it, upload it, and learn what became of it. Shows nothing."""

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
from operations.queues.dead_letters import Letter, printable

FIRST_PAUSE, LONGEST_PAUSE, _GROWTH = 0.2, 5.0, 1.5
"""Seconds between two looks for the report; each is longer than the one before."""

LETTERS_PAUSE = 5.0
"""Seconds between two looks for dead letters: each hides them from others for a moment."""

PATIENCE = 20 * 60.0
"""Seconds without news after which a report is given up. An invocation may be silent for fifteen minutes."""

LETTERS = 50
"""So many dead letters are read, to find one about this file."""

DRAIN_PAUSE, DRAIN_PATIENCE = 2.0, 5 * 60.0
"""Seconds between two looks at the queue of orders; without its getting shorter, to the end of watching it."""

REJECTED = 10
"""So many rejected records are shown."""

_KIND = re.compile(r".*\.(json|jsonl|ndjson|csv)(\.gz)?", re.IGNORECASE | re.DOTALL)
_UPLOADING = ("PutObject", "CompleteMultipartUpload")


@dataclass(frozen=True)
class Upload:
    """A file in the bucket, in the very version that we made."""

    bucket: str
    key: str
    version: str

    @property
    def report_uri(self) -> str:
        return self.uri_of(report_key(self.key, self.version))

    def uri_of(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"


@dataclass(frozen=True)
class Ending:
    """How waiting ended: with a final report, or with a dead letter about the file, or with neither.

    `report` is the last one seen; with a letter or without news, that is an unfinished one, or None.
    """

    report: Mapping | None
    letter: Letter | None = None

    @property
    def is_final(self) -> bool:
        return self.report is not None and self.report["status"] != RUNNING


def check(path: Path) -> int:
    """The file's size in bytes; Failure(USAGE) says in one line why it cannot be imported. Asks nobody."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise _unfit(path, "is no regular file")
        path.open("rb").close()
    except FileNotFoundError:
        raise _unfit(path, "does not exist") from None
    except OSError as error:
        raise _unfit(path, f"cannot be read: {error.strerror}") from None
    if not _KIND.fullmatch(path.name):
        raise _unfit(
            path,
            "is of no known kind",
            "its name must end in .json, .jsonl, .ndjson or .csv, or in one of them and .gz",
        )
    if not found.st_size:
        raise _unfit(path, "is empty")
    if found.st_size > MAX_UNPACKED_BYTES:
        raise _unfit(path, f"is larger than {MAX_UNPACKED_BYTES // 1024**3} GiB", "split it")
    return found.st_size


def key_of(path: Path) -> str:
    """Where the file is uploaded to: under its own name. Failure(USAGE) when S3 cannot have such a key."""
    key = UPLOAD_PREFIX + path.name
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        raise _unfit(path, "has a name that is no UTF-8 text", "rename it") from None
    if length > MAX_KEY_BYTES:
        raise _unfit(path, f"has too long a name: {length} bytes as {UPLOAD_PREFIX}<name>, S3 takes {MAX_KEY_BYTES}")
    return key


def _unfit(path: Path, why: str, hint: str = "") -> Failure:
    return Failure(Exit.USAGE, f"{printable(str(path))} {why}; nothing was uploaded", hint)


def upload(s3, path: Path, size: int, bucket: str, key: str, on_progress: OnProgress) -> Upload:
    """Several parts at once if it is large; `on_progress` gets bytes, one call at a time.

    The version is the one that S3 answered this very upload with: asking afterwards could find somebody else's.
    Raises Failure(INTERRUPTED) saying whether the file is there, and botocore's exceptions.
    """
    from boto3.s3.transfer import TransferConfig

    done, lock = 0, threading.Lock()

    def count(more: int) -> None:  # less than nothing when a part is sent again
        nonlocal done
        with lock:
            done += more
            on_progress(done, size)

    # The other manager that boto3 may choose does not go through the client, so would not tell the version.
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
        raise Failure(Exit.FAILED, f"S3 keeps no versions in {bucket}, so nobody can tell which report is its own")
    return Upload(bucket, key, versions[-1])


def interrupted(about: Upload) -> Failure:
    return Failure(
        Exit.INTERRUPTED,
        f"interrupted; {printable(about.key)} is uploaded, and its import goes on without us",
        f"its report will be {printable(about.report_uri)}",
    )


@contextlib.contextmanager
def _versions(s3) -> Iterator[list[str]]:
    """The versions that this client makes meanwhile."""
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
    """The report as it is now (contract.imports.IMPORT_REPORT); None when there is none yet, or S3 does not answer."""
    try:
        answer = s3.get_object(Bucket=about.bucket, Key=report_key(about.key, about.version))
        return json.loads(answer["Body"].read())
    except Exception as error:
        if service_errors.code_of(error) == "NoSuchKey" or service_errors.is_transient(error):
            return None
        raise


def letter_about(aws: Aws, logical_id: str, url: str, about: Upload) -> Letter | None:
    """The dead letter about this version of the file, if there is one that can be seen. Takes nothing out."""
    try:
        if not lookup.read(aws, logical_id, url).waiting:
            return None
        letters = dead_letters.peek(aws.client("sqs"), url, LETTERS)
    except Exception as error:
        if service_errors.is_transient(error) or service_errors.is_denied(error):
            return None
        raise
    return next((letter for letter in letters if _is_about(letter, about)), None)


def _is_about(letter: Letter, about: Upload) -> bool:
    found = dead_letters.upload_of(letter.body)
    return (found.get("key"), found.get("version-id")) == (about.key, about.version)


def follow(
    report: Callable[[], Mapping | None],
    letter: Callable[[], Letter | None],
    on_look: Callable[[Mapping | None], None],
    clock=time,
) -> Ending:
    """Look for a final report, now and then for a dead letter, until there is one or PATIENCE has ended.

    `on_look` gets the last report after each look. A letter counts only when there is no final report.
    """
    last, pause = None, FIRST_PAUSE
    heard = asked = clock.monotonic()
    while True:
        found = report()
        now = clock.monotonic()
        if found is not None and found != last:
            last, heard = found, now
        on_look(last)
        if Ending(last).is_final:
            return Ending(last)
        if now - asked >= LETTERS_PAUSE:
            if dead := letter():
                return Ending(last, dead)
            asked = clock.monotonic()
        if now - heard > PATIENCE:
            return Ending(last)
        clock.sleep(pause)
        pause = min(pause * _GROWTH, LONGEST_PAUSE)


def is_flawless(report: Mapping) -> bool:
    """Whether every record of the file was queued."""
    return report["status"] == COMPLETED and not report["rejected"]


def first_rejected(s3, bucket: str, keys: Iterable[str]) -> list[dict]:
    """Of the first few: record, line, reason, details. Not the text, which is somebody's order.

    The files are read no further than needed.
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
    """Watch a queue until nothing is left in two looks on end, for SQS's numbers lag; or until it has not become
    shorter for DRAIN_PATIENCE. What is left then."""
    empty, least, since = 0, float("inf"), clock.monotonic()
    while True:
        number, now = left(), clock.monotonic()
        on_look(number)
        empty = 0 if number else empty + 1
        if number < least:
            least, since = number, now
        if empty == 2 or now - since > DRAIN_PATIENCE:
            return number
        clock.sleep(DRAIN_PAUSE)
