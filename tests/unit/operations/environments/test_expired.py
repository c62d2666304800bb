"""--destroy --expired: what is past its time and nothing else, one failure stops no other, and it can be repeated."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from config import names
from deployer import connection
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import preview_records, reading
from deployer.stacks.preview_records import Preview
from operations.destroy import command, consent
from operations.environments import expired

ACCOUNT = "123456789012"
BUCKET = names.artifact_bucket(ACCOUNT, "us-east-1")
ADA = f"arn:aws:iam::{ACCOUNT}:user/ada"
PAST, FUTURE = ((datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds") for days in (-1, 1))


class Account:
    """`stacks`: name -> status. `destroyed`: the options of each deletion. `during`: name -> what happens meanwhile."""

    def __init__(self, aws, monkeypatch):
        self.aws, self.stacks, self.destroyed, self.during, self.screen = aws, {}, [], {}, io.StringIO()
        aws.client("s3").create_bucket(Bucket=BUCKET)
        monkeypatch.setattr(command, "destroy", self._destroy)
        monkeypatch.setattr(reading, "describe", self._describe)

    def _describe(self, aws, stack):
        status = self.stacks.get(stack.removeprefix(names.root_stack("")))
        return status and {"StackName": stack, "StackStatus": status}

    def _destroy(self, options, ui, aws, environment):
        assert environment.name == options.env
        if options.env in self.during:
            self.during[options.env]()
        self.destroyed.append(options)
        return {}

    def preview(self, name, expires=PAST, status="CREATE_COMPLETE", like="dev"):
        preview_records.write(self.aws, ACCOUNT, name, Preview(like, expires, ADA))
        self.stacks[name] = status

    def run(self, **options):
        return expired.run(Options(command="--destroy", expired=True, **{"yes": True} | options), Ui(self.screen), None)

    def failed(self, **options) -> Failure:
        with pytest.raises(Failure) as failure:
            self.run(**options)
        return failure.value

    @property
    def names(self):
        return [options.env for options in self.destroyed]


@pytest.fixture
def account(bare, monkeypatch):
    return Account(bare.aws, monkeypatch)


def raising(error):
    def fail():
        raise error

    return fail


def test_only_what_is_past_its_time_is_destroyed_with_its_data(account):
    account.stacks["dev"] = "CREATE_COMPLETE"
    account.preview("pr-1")
    account.preview("pr-2", FUTURE)
    account.preview("pr-3", None)
    assert account.run() == {"result": "destroyed", "destroyed": ["pr-1"], "skipped": {}, "failed": {}}
    [options] = account.destroyed
    assert (options.like, options.region, options.yes, options.delete_data) == ("dev", "us-east-1", True, True)


def test_each_is_destroyed_with_the_roles_of_what_it_is_like(account, monkeypatch):
    account.preview("pr-1", like="staging")
    connected = []
    monkeypatch.setattr(
        connection, "connect", lambda ui, environment, *_: connected.append(environment.name) or account.aws
    )
    account.run()
    assert connected == ["dev", "pr-1"]


def test_a_failure_does_not_say_that_nothing_was_changed(account):
    account.preview("pr-1")
    account.preview("pr-2")
    account.during["pr-2"] = raising(Failure(Exit.PREFLIGHT, "missing permission"))
    assert "nothing was changed" not in account.failed().message


def test_nothing_to_do_is_a_success(account):
    assert account.run() == {"result": "nothing expired", "expired": []}
    account.aws.client("s3").delete_bucket(Bucket=BUCKET)
    assert account.run() == {"result": "nothing expired", "expired": []}


def test_a_plan_destroys_nothing(account):
    account.preview("pr-1")
    assert account.run(plan=True, yes=False) == {"result": "planned", "expired": ["pr-1"]}
    assert account.destroyed == []


@pytest.mark.parametrize("answer, code", [("n", Exit.REFUSED), ("", Exit.REFUSED), ("y", None)])
def test_it_asks_once(account, monkeypatch, answer, code):
    account.preview("pr-1")
    account.preview("pr-2")
    asked = []
    monkeypatch.setattr(consent, "can_ask", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or answer)
    if code:
        assert account.failed(yes=False).code is code and account.destroyed == []
    else:
        account.run(yes=False)
        assert account.names == ["pr-1", "pr-2"]
    assert asked == ["Delete pr-1, pr-2 with all data? [y/N] "]


def test_without_a_terminal_it_needs_yes(account, monkeypatch):
    account.preview("pr-1")
    monkeypatch.setattr(consent, "can_ask", lambda: False)
    assert account.failed(yes=False).hint == "add --yes"


def test_a_preview_that_is_renewed_or_deleted_meanwhile_is_not_touched(account):
    for name in ("pr-1", "pr-2", "pr-3"):
        account.preview(name)
    gone = preview_records.key("pr-3")

    def meanwhile():
        account.preview("pr-2", FUTURE)
        account.aws.client("s3").delete_object(Bucket=BUCKET, Key=gone)

    account.during["pr-1"] = meanwhile
    report = account.run()
    assert report["destroyed"] == account.names == ["pr-1"]
    assert report["skipped"] == dict.fromkeys(["pr-2", "pr-3"], "renewed or deleted meanwhile")


def test_a_preview_that_is_being_deployed_is_not_touched(account):
    account.preview("pr-1", status="UPDATE_IN_PROGRESS")
    assert account.run()["skipped"] == {"pr-1": "another operation is running (UPDATE_IN_PROGRESS)"}
    assert account.destroyed == []


@pytest.mark.parametrize(
    "status", [None, "DELETE_IN_PROGRESS", "DELETE_FAILED", "ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"]
)
def test_what_an_earlier_run_left_is_destroyed(account, status):
    account.preview("pr-1", status=status)
    assert account.run()["destroyed"] == ["pr-1"]


@pytest.mark.parametrize("text", [b"?", b'{"expires": "2000-01-01", "format": 1, "like": "dev", "who": "ada"}'])
def test_an_expiry_that_cannot_be_read_is_not_touched_but_named(account, text):
    account.aws.client("s3").put_object(Bucket=BUCKET, Key=preview_records.key("pr-1"), Body=text)
    assert account.run()["result"] == "nothing expired"
    assert "pr-1 is not touched: deployments/pr-1/preview.json cannot be read" in account.screen.getvalue()


def test_a_failure_stops_no_other_and_is_listed(account):
    account.preview("pr-1", like="nosuch")
    account.preview("pr-2")
    account.preview("pr-3")
    account.during["pr-2"] = raising(Failure(Exit.REFUSED, "has termination protection", "disable it: aws"))
    failure = account.failed()
    assert "pr-2: has termination protection\n  disable it: aws" in account.screen.getvalue()
    assert failure.code is Exit.FAILED
    assert failure.message.startswith("not deleted: pr-1, pr-2; deleted: pr-3")
    assert failure.report["failed"]["pr-2"] == "has termination protection"
    assert "there is no environment 'nosuch'" in failure.report["failed"]["pr-1"]
    assert failure.report["destroyed"] == ["pr-3"] == account.names


def test_an_answer_of_aws_that_is_an_error_is_such_a_failure(account):
    account.preview("pr-1")
    account.preview("pr-2")
    s3 = account.aws.client("s3")
    account.during["pr-1"] = lambda: s3.delete_bucket(Bucket="food-delivery-nosuch")
    assert account.failed().report["destroyed"] == ["pr-2"]


def test_an_error_of_this_program_is_not_hidden(account):
    account.preview("pr-1")
    account.during["pr-1"] = raising(TypeError("a mistake"))
    with pytest.raises(TypeError):
        account.run()


def test_an_interruption_names_what_is_done(account):
    for name in ("pr-1", "pr-2", "pr-3"):
        account.preview(name)
    account.during["pr-2"] = raising(KeyboardInterrupt())
    failure = account.failed()
    assert failure.code is Exit.INTERRUPTED
    assert failure.message.startswith("interrupted while deleting pr-2; deleted before: pr-1")
    assert account.names == ["pr-1"]
