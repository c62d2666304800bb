"""`--import` from the command line to its report: what is shown, what is returned, and what ends it."""

import json

import boto3
import pytest

from contract.imports import RUNNING
from deployer import cli
from deployer.errors import Exit, Failure
from operations.imports import command, file_import
from tests.unit.operations.imports.import_reports import envelope, put_report, rejected_line, report
from tests.unit.operations.queues.dead_letter_world import ROOT


class Clock:
    """Time passes only by sleeping; `during` is called instead of the first sleep."""

    def __init__(self):
        self.now, self.during = 0.0, None

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        during, self.during = self.during, None
        if during:
            during()


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for name in ("follow", "drain"):
        defaults = getattr(file_import, name).__defaults__
        assert len(defaults) == 1
        monkeypatch.setattr(getattr(file_import, name), "__defaults__", (clock,))
    return clock


@pytest.fixture
def importer(world, clock):
    """Sets what the function does when a file comes in; it gets the version."""

    def does(action):
        other = boto3.client("s3")

        def arrive(parsed, **_):
            action(other, parsed["VersionId"])

        world.aws.client("s3").meta.events.register("after-call.s3.PutObject", arrive)

    return does


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("orderId\n1\n")
    return path


def reports(document, rejected=()):
    return lambda s3, version: put_report(s3, "orders/a.csv", version, document, rejected)


def run(world, file, **options):
    return world.run(command.run, file=file, **options)


def refused(world, file, **options):
    with pytest.raises(Failure) as failure:
        run(world, file, **options)
    assert "\n" not in failure.value.message
    return failure.value


BAD = report(read=1234, queued=1200, rejected=34, reasons={"invalid_request": 30, "too_large": 4}, durationMs=2000)


# --- the end --------------------------------------------------------------------------------------------


def test_a_file_whose_records_are_all_queued_is_success(world, importer, file):
    importer(reports(report()))
    result = run(world, file)
    assert result == {"result": "imported", "report": report(), "rejected": [], "exitCode": Exit.OK}
    said = world.said.getvalue()
    assert "3 of 3 records queued" in said and "OrderQueue is empty (SQS counts are approximate)" in said
    assert "s3://uploads/orders/a.csv" in said and "rejected records" not in said


def test_an_imperfect_file_is_exit_code_1_with_the_first_rejected_and_no_text(world, importer, file):
    importer(reports(BAD, [rejected_line(n, text="Ada Secret") for n in range(1, 35)]))
    result = run(world, file)
    assert result["exitCode"] == Exit.FAILED
    assert [each["record"] for each in result["rejected"]] == list(range(1, 11))
    said = world.said.getvalue()
    for words in ("1,200 of 1,234 records queued", "invalid_request", "600", "10 of 34 rejected records"):
        assert words in said
    assert "items: is required" in said and "Ada" not in said and "Ada" not in json.dumps(result)
    assert f"s3://uploads/{result['report']['rejectedFiles'][0]}\n" in said


@pytest.mark.parametrize(
    "document, words",
    [
        (report("broken", fault={"reason": "truncated", "line": 4, "byte": 1234}), "truncated, line 4, byte 1,234"),
        (report("failed", read=0, queued=0, format=None, durationMs=0, fault={"reason": "not_json"}), "not_json"),
    ],
)
def test_a_fault_in_the_file_is_exit_code_1_and_its_place_is_shown(world, importer, file, document, words):
    importer(reports(document))
    assert run(world, file)["exitCode"] == Exit.FAILED
    assert words in world.said.getvalue()


def test_progress_is_told_by_a_running_report(world, importer, clock, file):
    def first_half(s3, version):
        put_report(s3, "orders/a.csv", version, report(RUNNING, read=1500, queued=1500))
        clock.during = lambda: put_report(s3, "orders/a.csv", version, report(read=3000, queued=3000))

    importer(first_half)
    assert run(world, file)["report"]["read"] == 3000
    assert "1,500 read, 1,500 queued, 0 rejected so far" in world.said.getvalue()


def test_rejected_records_that_cannot_be_read_change_nothing(world, importer, file):
    importer(reports(BAD | {"rejectedFiles": ["reports/gone"]}))
    assert run(world, file)["report"]["rejected"] == 34
    assert "the rejected records cannot be shown" in world.said.getvalue()


def test_what_a_file_says_cannot_drive_the_terminal(world, importer, file):
    bad = json.loads(rejected_line(1)) | {"reason": "\x1b", "details": ["\x1b[2J"]}
    importer(reports(report(read=4, rejected=1, reasons={"\x1b]0;x": 1}), [json.dumps(bad).encode()]))
    run(world, file)
    assert "\x1b" not in world.said.getvalue()


# --- before anything is uploaded --------------------------------------------------------------------------


def test_an_unfit_file_asks_nobody(world, tmp_path):
    world.calls.clear()
    assert refused(world, tmp_path / "none.csv").code is Exit.USAGE
    assert world.calls == []


def test_an_environment_that_is_not_deployed_says_so(bare, file):
    failure = refused(bare, file)
    assert failure.code is Exit.PREFLIGHT and "is not deployed" in failure.message


def test_an_environment_without_imports_says_how_to_deploy_them(bare, file):
    outputs = {name: value for name, value in ROOT["Outputs"].items() if name != "UploadBucketName"}
    bare.deploy(ROOT | {"Outputs": outputs})
    failure = refused(bare, file, local=True)
    assert failure.code is Exit.PREFLIGHT
    assert failure.hint.endswith("deploy the local version: python deploy.py --env dev --local")
    assert "Versions" not in bare.aws.client("s3").list_object_versions(Bucket="uploads")


# --- when no report comes ---------------------------------------------------------------------------------


def test_a_dead_letter_about_the_file_ends_it_with_its_error(world, importer, file):
    importer(lambda s3, version: world.put(envelope("orders/a.csv", version, "SQS is away"), "OrderImportDLQ"))
    failure = refused(world, file)
    assert failure.code is Exit.FAILED
    assert "RetriesExhausted" in failure.message and "QueueUnavailable: SQS is away" in failure.message
    assert "--redrive OrderImportDLQ" in failure.hint and "/food-delivery/dev/orders-import" in failure.hint
    assert len(world.messages("OrderImportDLQ")) == 1


def test_silence_ends_it_with_where_to_look(world, importer, file):
    versions = []
    importer(lambda s3, version: versions.append(version))
    failure = refused(world, file)
    assert failure.code is Exit.FAILED and "no report of the import for 20 minutes" in failure.message
    assert "--dlq OrderImportDLQ" in failure.hint
    assert f"s3://uploads/reports/orders/a.csv/{versions[0]}.json" in failure.hint
    assert "no report yet" in world.said.getvalue()


def test_an_interruption_of_the_waiting_says_that_the_import_goes_on(world, importer, clock, file):
    def interrupt():
        raise KeyboardInterrupt

    importer(lambda s3, version: setattr(clock, "during", interrupt))
    failure = refused(world, file)
    assert failure.code is Exit.INTERRUPTED and "its import continues" in failure.message
    assert "s3://uploads/reports/orders/a.csv/" in failure.hint


def test_an_error_of_the_waiting_says_that_the_import_goes_on(world, importer, clock, file):
    importer(lambda s3, version: setattr(clock, "during", lambda: s3_is_gone(s3, version)))

    def s3_is_gone(s3, version):
        s3.delete_object(Bucket="uploads", Key="orders/a.csv", VersionId=version)
        s3.delete_bucket(Bucket="uploads")

    failure = refused(world, file)
    assert "NoSuchBucket" in failure.message and "its import continues" in failure.message


# --- the queue behind -------------------------------------------------------------------------------------


def test_the_queue_is_followed_until_it_is_empty(world, importer, clock, file):
    importer(reports(report()))
    world.put("1", "OrderQueue")
    world.put("2", "OrderQueue")
    clock.during = lambda: world.sqs.purge_queue(QueueUrl=world.queue("OrderQueue").url)
    run(world, file)
    said = world.said.getvalue()
    assert "OrderQueue has about 2 messages waiting and 0 in flight" in said
    assert "about 0 of 2 left" in said and "is empty" in said


def test_a_queue_that_stays_full_is_reported_and_orders_rejected_meanwhile_are_exit_code_1(
    world, importer, clock, file, monkeypatch
):
    monkeypatch.setattr(file_import, "DRAIN_TIMEOUT", 20)
    importer(reports(report()))
    world.put("before", "OrderQueueDLQ")
    world.put("stays", "OrderQueue")
    clock.during = lambda: world.put("rejected", "OrderQueueDLQ")
    assert run(world, file)["exitCode"] == Exit.FAILED
    said = world.said.getvalue()
    assert "stopped shrinking: about 1 messages are left" in said and "is empty" not in said
    assert (
        "about 1 messages, of this file or of others, arrived in OrderQueueDLQ meanwhile: --dlq OrderQueueDLQ" in said
    )


@pytest.mark.parametrize("document, code", [(report(), Exit.OK), (report("broken"), Exit.FAILED)])
def test_an_interruption_of_the_watching_leaves_the_reports_exit_code(world, importer, clock, file, document, code):
    def interrupt():
        raise KeyboardInterrupt

    importer(reports(document))
    clock.during = interrupt
    assert run(world, file)["exitCode"] == code
    assert "stopped watching" in world.said.getvalue()


def test_nothing_queued_is_not_watched(world, importer, file):
    importer(reports(report(read=0, queued=0)))
    assert run(world, file)["exitCode"] == Exit.OK
    assert "OrderQueue" not in world.said.getvalue()


# --- the command line -------------------------------------------------------------------------------------


def test_the_document_is_alone_on_stdout(importer, file, capsys):
    importer(reports(BAD, [rejected_line(1)]))
    assert cli.main(["--env", "dev", "--import", str(file), "--output", "json"]) == Exit.FAILED
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert (document["result"], document["exitCode"]) == ("imported", Exit.FAILED)
    assert document["report"]["queued"] == 1200 and document["rejected"][0]["record"] == 1
    assert "1,200 of 1,234 records queued" in said.err and "uploaded" in said.err


def test_an_unfit_file_is_one_line_and_its_own_exit_code(world, tmp_path, capsys):
    assert cli.main(["--env", "dev", "--import", str(tmp_path / "none.csv")]) == Exit.USAGE
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "does not exist; nothing was uploaded" in said.err


@pytest.mark.parametrize("interactive", [True, False])
def test_a_terminal_shows_a_bar_and_a_pipe_plain_lines(world, importer, file, interactive):
    from deployer.show.ui import Ui

    importer(reports(report()))
    ui = Ui(world.said, interactive=interactive)
    world.run(lambda options, plain, root: command.run(options, ui, root), file=file)
    said = world.said.getvalue()
    assert ("\x1b[" in said) is interactive
    assert ("uploaded 10 bytes of 10 bytes" in said) is not interactive
