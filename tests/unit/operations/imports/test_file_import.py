"""A file brought in: what is refused, which version is ours, and how long its report is waited for. No output."""

import os
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import boto3
import fastjsonschema
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import example, given
from hypothesis import strategies as st

from contract.imports import COMPLETED, IMPORT_REPORT, MAX_KEY_BYTES, RUNNING
from deployer.errors import Exit, Failure
from operations.imports import file_import
from operations.imports.file_import import Outcome, Upload
from tests.unit.operations.imports.import_reports import envelope, put_report, rejected_line, report

ABOUT = Upload("uploads", "orders/a.csv", "v1")


def nothing(*_):
    return None


class Clock:
    """Time passes only by sleeping."""

    def __init__(self):
        self.now, self.slept = 0.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.slept.append(seconds)


# --- the checks ---------------------------------------------------------------------------------------


def unfit(path):
    with pytest.raises(Failure) as failure:
        file_import.check(path)
    assert failure.value.code is Exit.USAGE and "\n" not in failure.value.message
    assert failure.value.message.endswith("; nothing was uploaded")
    return failure.value


@pytest.mark.parametrize(
    "name", ["a.json", "a.jsonl", "a.ndjson", "a.csv", "a.json.gz", "A.CSV", "A.Jsonl.GZ", "a.b.csv", ".csv", "a\n.csv"]
)
def test_a_known_kind_is_taken_in_whatever_case(tmp_path, name):
    (tmp_path / name).write_bytes(b"abc")
    assert file_import.check(tmp_path / name) == 3


@pytest.mark.parametrize("name", ["a.txt", "a", "csv", "a.csv.zip", "a.gz", "a.csv\n", "a.csv.gz.gz"])
def test_another_kind_is_refused_and_the_known_ones_are_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"abc")
    failure = unfit(tmp_path / name)
    assert "has an unknown extension" in failure.message and ".ndjson" in failure.hint


def test_what_is_no_readable_file_is_refused(tmp_path):
    assert "does not exist" in unfit(tmp_path / "none.csv").message
    assert "is not a regular file" in unfit(tmp_path).message
    os.mkfifo(tmp_path / "pipe.csv")  # opening it would wait for ever
    assert "is not a regular file" in unfit(tmp_path / "pipe.csv").message
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    assert "cannot be read" in unfit(tmp_path / "loop.csv").message


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_bytes(b"abc")

    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert "cannot be read: Permission denied" in unfit(tmp_path / "a.csv").message


def test_empty_and_larger_than_is_ever_read_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.touch()
    assert "is empty" in unfit(path).message
    os.truncate(path, file_import.MAX_UNPACKED_BYTES)  # sparse
    assert file_import.check(path) == file_import.MAX_UNPACKED_BYTES
    os.truncate(path, file_import.MAX_UNPACKED_BYTES + 1)
    assert "is larger than 10 GiB" in unfit(path).message


NAMES = st.text(st.characters(exclude_characters="/\0"), min_size=1).filter(lambda name: name not in (".", ".."))


@given(NAMES, st.integers(0, 300))
@example("é" * 508 + "x", 0)
@example("é" * 509, 0)
@example("\udcff.csv", 0)
def test_a_key_is_the_name_as_it_is_or_is_refused(name, times):
    path = Path("somewhere") / (name + "x" * times)
    key = f"orders/{path.name}"
    try:
        fits = len(key.encode()) <= MAX_KEY_BYTES
    except UnicodeEncodeError:
        fits = False
    if fits:
        assert file_import.key_of(path) == key
    else:
        with pytest.raises(Failure) as failure:
            file_import.key_of(path)
        assert failure.value.code is Exit.USAGE and failure.value.message.isprintable()


# --- the upload -----------------------------------------------------------------------------------------


def upload(world, path, on_progress=nothing):
    s3 = world.aws.client("s3")
    return file_import.upload(s3, path, path.stat().st_size, "uploads", "orders/a.csv", on_progress)


def versions(world):
    found = world.aws.client("s3").list_object_versions(Bucket="uploads").get("Versions", [])
    return {each["VersionId"]: each["Size"] for each in found}


@pytest.mark.parametrize("size", [3, 9 * 1024**2])
def test_it_is_uploaded_whole_and_progress_ends_at_its_size(world, tmp_path, size):
    path = tmp_path / "a.csv"
    path.write_bytes(os.urandom(size))
    shown = []
    about = upload(world, path, lambda *progress: shown.append(progress))
    body = world.aws.client("s3").get_object(Bucket="uploads", Key=about.key, VersionId=about.version)["Body"]
    assert body.read() == path.read_bytes()
    assert shown == sorted(shown) and shown[-1] == (size, size)


def test_the_version_is_ours_though_somebody_else_uploads_the_same_name_at_the_same_moment(world, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"ours")
    s3 = world.aws.client("s3")
    other = boto3.client("s3")
    s3.meta.events.register(
        "after-call.s3.PutObject", lambda **_: other.put_object(Bucket="uploads", Key="orders/a.csv", Body=b"others'")
    )
    about = upload(world, path)
    assert other.head_object(Bucket="uploads", Key=about.key)["VersionId"] != about.version
    assert versions(world)[about.version] == len(b"ours") and len(versions(world)) == 2


def test_each_upload_learns_its_own_version(world, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"ours")
    assert {upload(world, path).version for _ in range(3)} == set(versions(world))


def test_a_bucket_without_versions_is_told(world, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"ours")
    status = {"Status": "Suspended"}
    world.aws.client("s3").put_bucket_versioning(Bucket="uploads", VersioningConfiguration=status)
    with pytest.raises(Failure, match="versioning is off") as failure:
        upload(world, path)
    assert failure.value.code is Exit.FAILED


@pytest.mark.parametrize("uploaded", [True, False])
def test_an_interruption_says_whether_the_file_is_there(world, tmp_path, monkeypatch, uploaded):
    path = tmp_path / "a.csv"
    path.write_bytes(b"ours")
    s3 = world.aws.client("s3")
    real = s3.upload_fileobj

    def interrupted(*arguments, **options):
        if uploaded:
            real(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(s3, "upload_fileobj", interrupted)
    with pytest.raises(Failure) as failure:
        upload(world, path)
    assert failure.value.code is Exit.INTERRUPTED
    if uploaded:
        (version,) = versions(world)
        assert "its import continues" in failure.value.message
        assert failure.value.hint == f"its report will be s3://uploads/reports/orders/a.csv/{version}.json"
    else:
        assert "nothing is imported" in failure.value.message and not versions(world)


def test_a_file_that_is_gone_by_then_is_one_line(world, tmp_path):
    with pytest.raises(Failure, match="can no longer be read") as failure:
        file_import.upload(world.aws.client("s3"), tmp_path / "a.csv", 3, "uploads", "orders/a.csv", nothing)
    assert failure.value.code is Exit.USAGE


# --- the report -----------------------------------------------------------------------------------------


def test_the_report_is_found_where_the_contract_says_and_none_until_then(world):
    s3 = world.aws.client("s3")
    assert file_import.report_on(s3, ABOUT) is None
    put_report(s3, ABOUT.key, ABOUT.version, report())
    assert file_import.report_on(s3, ABOUT) == report()


def test_the_reports_of_these_tests_are_reports():
    fastjsonschema.compile(IMPORT_REPORT)(report())
    fastjsonschema.compile(IMPORT_REPORT)(report(RUNNING, fault={"reason": "r"}))


@pytest.mark.parametrize("status", [500, 503])
def test_a_servers_bad_moment_is_no_report_yet(aws, status):
    aws.stub("s3").add_client_error("get_object", "InternalError", "words", status)
    assert file_import.report_on(aws.client("s3"), ABOUT) is None


def test_a_missing_permission_is_not_waited_for(aws):
    aws.stub("s3").add_client_error("get_object", "AccessDenied", "no", 403)
    with pytest.raises(ClientError):
        file_import.report_on(aws.client("s3"), ABOUT)


def follow(reports, letters=(), clock=None):
    """The ending, and what was shown, when these are found one after the other, the last of them for ever."""
    clock, shown = clock or Clock(), []
    reports, letters = [None, *reports], [*letters, None]

    def next_of(values):
        return values.pop(0) if len(values) > 1 else values[0]

    return file_import.follow(lambda: next_of(reports), lambda: next_of(letters), shown.append, clock), shown


def test_it_waits_for_a_final_report_and_shows_those_before():
    ending, shown = follow([report(RUNNING, read=5), report(COMPLETED)])
    assert ending.final and ending.report == report()
    assert shown == [None, report(RUNNING, read=5), report()]


@pytest.mark.parametrize("status", ["completed", "broken", "failed"])
def test_every_status_but_running_is_final(status):
    assert follow([report(status)])[0].final


def test_it_looks_more_and_more_seldom_within_bounds():
    clock = Clock()
    follow([None] * 30 + [report()], clock=clock)
    assert clock.slept[0] == file_import.FIRST_INTERVAL and clock.slept[-1] == file_import.MAX_INTERVAL
    assert clock.slept == sorted(clock.slept)


def test_a_report_is_given_up_only_after_long_silence():
    clock = Clock()
    ending, _ = follow([], clock=clock)
    assert not ending.final and ending == Outcome(None)
    assert file_import.TIMEOUT < clock.now <= file_import.TIMEOUT + file_import.MAX_INTERVAL


def test_each_change_of_the_report_starts_the_silence_anew():
    clock = Clock()
    many = [report(RUNNING, read=n // 200) for n in range(800)]
    ending, _ = follow(many, clock=clock)
    assert clock.now > 3 * file_import.TIMEOUT
    assert not ending.final and ending.report["read"] == 3


def test_a_dead_letter_ends_it_with_what_was_known():
    ending, _ = follow([report(RUNNING)], ["letter"])
    assert ending == Outcome(report(RUNNING), "letter") and not ending.final


def test_dead_letters_are_looked_for_seldom():
    clock, asked = Clock(), []
    file_import.follow(nothing, lambda: asked.append(clock.now), nothing, clock)
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert (
        asked[0] >= file_import.DEAD_LETTER_INTERVAL
        and min(gaps) >= file_import.DEAD_LETTER_INTERVAL
        and max(gaps) < 20
    )


# --- dead letters about it ------------------------------------------------------------------------------


def dead_letter_of(world):
    return file_import.dead_letter_of(world.aws, "OrderImportDLQ", world.queue("OrderImportDLQ").url, ABOUT)


def test_only_a_letter_about_this_very_version_counts_and_it_stays(world):
    world.put(envelope("orders/a.csv", "v0"), "OrderImportDLQ")
    world.put(envelope("orders/b.csv", "v1"), "OrderImportDLQ")
    world.put("no event", "OrderImportDLQ")
    assert dead_letter_of(world) is None
    world.put(envelope("orders/a.csv", "v1", error="SQS is away"), "OrderImportDLQ")
    assert "SQS is away" in dead_letter_of(world).detail
    assert len(world.messages("OrderImportDLQ")) == 4


def test_an_empty_queue_is_not_received_from(world):
    assert dead_letter_of(world) is None
    assert "ReceiveMessage" not in world.calls


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://sqs"),
        ClientError({"Error": {"Code": "AccessDenied"}}, "GetQueueAttributes"),
    ],
)
def test_dead_letters_that_cannot_be_seen_do_not_end_the_waiting(world, error):
    def failing():
        raise error

    url = world.queue("OrderImportDLQ").url
    world.during["GetQueueAttributes"] = failing
    assert file_import.dead_letter_of(world.aws, "OrderImportDLQ", url, ABOUT) is None


# --- rejected records -----------------------------------------------------------------------------------


class Body:
    """A streaming body that notes how many lines were taken, and that it was closed."""

    def __init__(self, numbers):
        self.lines, self.taken, self.closed = [rejected_line(number) for number in numbers], 0, False

    def iter_lines(self):
        for line in self.lines:
            self.taken += 1
            yield line

    def close(self):
        self.closed = True


def test_the_first_rejected_are_read_from_file_after_file_and_no_further_than_needed():
    bodies = {"a": Body(range(1, 5)), "b": Body(range(5, 900)), "c": Body(range(900, 1000))}
    s3 = SimpleNamespace(get_object=lambda Bucket, Key: {"Body": bodies[Key]})
    found = file_import.first_rejected(s3, "uploads", ["a", "b", "c"])
    assert [each["record"] for each in found] == list(range(1, 11))
    assert [body.taken for body in bodies.values()] == [4, 6, 0]
    assert [body.closed for body in bodies.values()] == [True, True, False]


def test_a_records_text_is_left_out(world):
    s3 = world.aws.client("s3")
    s3.put_object(Bucket="uploads", Key="r", Body=rejected_line(7, text="Ada Secret") + b"\n")
    found = file_import.first_rejected(s3, "uploads", ["r"])
    assert found == [{"record": 7, "line": 8, "reason": "invalid_request", "details": ["items: is required"]}]


# --- the queue behind -----------------------------------------------------------------------------------


def drain(*numbers):
    clock, seen, numbers = Clock(), [], [*numbers]
    left = file_import.drain(lambda: numbers.pop(0) if len(numbers) > 1 else numbers[0], seen.append, clock)
    return left, seen, clock


def test_a_queue_is_empty_when_it_is_so_twice_on_end():
    assert drain(0, 5, 3, 0, 1, 0, 0)[:2] == (0, [0, 5, 3, 0, 1, 0, 0])


def test_a_queue_that_does_not_become_shorter_is_watched_no_longer():
    left, _, clock = drain(9, 7, 8)
    assert left == 8 and file_import.DRAIN_TIMEOUT < clock.now < file_import.DRAIN_TIMEOUT + 10
