"""Previews on the command line: what is looked up, what is refused, and when a record is written."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from config import names
from config.environment import load
from deployer.aws.session import Aws
from deployer.commands import deploy, previews
from deployer.commands.context import Context
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.preflight.account_state import AccountState
from deployer.show.ui import Ui
from deployer.stacks import preview_records, reading
from deployer.stacks.preview_records import UNREADABLE, Preview

ACCOUNT = "123456789012"
BUCKET = names.artifact_bucket(ACCOUNT, "us-east-1")
ADA, BOB = (f"arn:aws:iam::{ACCOUNT}:user/{who}" for who in ("ada", "bob"))
PAST = (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="seconds")
TEMPLATE = "Resources: {Topic: {Type: AWS::SNS::Topic}}"


@pytest.fixture
def aws(bare):
    bare.aws.client("s3").create_bucket(Bucket=BUCKET)
    return bare.aws


def resolved(env: str = "pr-1", command: str = "--status", **more) -> Options:
    return previews.resolved(Options(env, command=command, **more), Ui(io.StringIO()), None)


def refused(**options) -> Failure:
    with pytest.raises(Failure) as failure:
        resolved(**options)
    return failure.value


def recorded(aws: Aws, ttl: float | None = None, like: str = "dev", who: str = ADA) -> tuple[Preview | None, str]:
    """Record pr-1 as a deployment does; return the record and what was said."""
    screen = io.StringIO()
    context = Context(Ui(screen), aws, load("pr-1", like=like), Options("pr-1", like=like, ttl=ttl), who)
    previews.record(context)
    return preview_records.read(aws, ACCOUNT, "pr-1"), screen.getvalue()


def stack(aws: Aws, name: str = "pr-1", tags: dict[str, str] | None = None) -> None:
    aws.client("cloudformation").create_stack(
        StackName=names.root_stack(name),
        TemplateBody=TEMPLATE,
        Tags=[{"Key": key, "Value": value} for key, value in (names.tags(name) if tags is None else tags).items()],
    )


@pytest.mark.parametrize("env, like", [("dev", None), ("pr-1", "staging"), ("devv", None), ("", None)])
def test_only_a_possible_preview_without_like_is_looked_up(env, like, monkeypatch):
    monkeypatch.setattr(previews.connection, "connect", lambda *arguments: pytest.fail("connected"))
    assert resolved(env, like=like) == Options(env, command="--status", like=like)


def test_the_record_says_what_a_preview_is_like(aws):
    preview_records.write(aws, ACCOUNT, "pr-1", Preview("staging", None, ADA))
    assert resolved().like == "staging"


@pytest.mark.parametrize("command", ["", "--status", "--rollback"])
def test_an_unknown_preview_is_refused_with_the_command_that_makes_one(aws, command):
    failure = refused(command=command)
    assert failure.code is Exit.USAGE and f"account {ACCOUNT}, us-east-1" in failure.message
    assert "python deploy.py --env pr-1 --like dev --ttl 3d" in failure.hint


def test_a_stack_without_a_record_needs_like_but_for_its_deletion(aws):
    stack(aws)
    assert refused().code is Exit.USAGE
    assert resolved(command="--destroy").like == "dev"


def test_an_unknown_preview_can_be_destroyed_again(aws):
    assert resolved(command="--destroy").like == "dev"


def test_the_stack_of_another_project_is_neither_destroyed_nor_deployed_to(aws):
    stack(aws, tags={"Project": "website"})
    assert refused(command="--destroy").code is Exit.USAGE
    entry = reading.describe(aws, names.root_stack("pr-1"))
    with pytest.raises(Failure, match="lacks the tags of this project"):
        previews.check_owner(Options("pr-1", like="dev"), entry)
    previews.check_owner(Options("dev"), entry)  # tags may change in an environment with a file


def test_an_unreadable_record_is_named_and_never_overwritten(aws):
    aws.client("s3").put_object(Bucket=BUCKET, Key="deployments/pr-1/preview.json", Body=b"?")
    for command in ("--status", "--destroy"):
        assert "deployments/pr-1/preview.json in the artifact bucket cannot be read" in refused(command=command).message
    with pytest.raises(Failure, match="cannot be read by this version"):
        recorded(aws, 60.0)
    assert preview_records.read(aws, ACCOUNT, "pr-1") == UNREADABLE


def test_only_previews_expire():
    with pytest.raises(Failure, match="has a file in environments/ and never expires") as failure:
        previews.check(load("dev"), Options("dev", ttl=60.0))
    assert failure.value.code is Exit.USAGE
    previews.check(load("dev"), Options("dev"))


def test_a_preview_must_be_deletable():
    with pytest.raises(Failure, match=r"environments/prod\.toml retains or protects its data") as failure:
        previews.check(load("pr-1", like="prod"), Options("pr-1", like="prod"))
    assert failure.value.code is Exit.REFUSED
    previews.check(load("pr-1", like="staging"), Options("pr-1", like="staging", ttl=60.0))


def test_an_environment_with_a_file_has_no_record(aws):
    context = Context(Ui(io.StringIO()), aws, load("dev"), Options("dev"), ADA)
    previews.record(context)
    assert preview_records.read_all(aws, ACCOUNT) == {}


def test_the_first_deployment_records_owner_and_expiry(aws):
    before = datetime.now(UTC)
    found, said = recorded(aws, 3 * 86400.0)
    assert (found.like, found.who) == ("dev", ADA)
    assert timedelta(days=3, seconds=-1) < found.expiry - before < timedelta(days=3, minutes=5)
    assert f"like dev, expires {found.expires[:10]}" in said and "it has expired" not in said


def test_without_ttl_a_preview_never_expires(aws):
    found, said = recorded(aws)
    assert found.expires is None and "expires never" in said


def test_a_deployment_that_only_restores_swapped_code_renews_it_as_well(aws, monkeypatch):
    for module, name in ((deploy.planning, "confirm"), (deploy.preparation, "restore"), (deploy, "outputs")):
        monkeypatch.setattr(module, name, lambda *_: {})
    context = Context(
        Ui(io.StringIO()), aws, load("pr-1", like="dev"), Options("pr-1", like="dev", ttl=60.0, yes=True), ADA
    )
    deploy.restore(context, AccountState(ACCOUNT, ADA, None, False), swapped={})
    assert preview_records.read(aws, ACCOUNT, "pr-1").expires


def test_a_deployment_without_ttl_keeps_the_expiry_and_the_owner(aws):
    first, _ = recorded(aws, 60.0)
    assert recorded(aws, who=BOB)[0] == first


def test_ttl_renews_the_expiry_and_like_may_change(aws):
    first, _ = recorded(aws, 60.0)
    second, _ = recorded(aws, 3600.0, like="staging", who=BOB)
    assert (second.like, second.who) == ("staging", ADA)
    assert second.expiry > first.expiry


def test_a_deployment_of_an_expired_preview_says_so(aws):
    preview_records.write(aws, ACCOUNT, "pr-1", Preview("dev", PAST, ADA))
    found, said = recorded(aws)
    assert found.expires == PAST and "it has expired" in said and "--ttl" in said
    assert "it has expired" not in recorded(aws, 60.0)[1]
