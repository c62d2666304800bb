"""--prune: what no kept version needs is deleted, and nothing else."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ConnectTimeoutError

from deployer import connection
from deployer.artifacts import bucket as artifact_bucket
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from operations.pruning import command
from tests.unit.operations.pruning.prune_world import (
    ACCOUNT,
    BUCKET,
    Account,
    ResourceConflictException,
    raised,
    refusal,
    release,
)

FUNCTION = "food-delivery-dev-function"


@pytest.fixture
def account(monkeypatch):
    account = Account()
    monkeypatch.setattr(connection, "connect", lambda *arguments: account.aws)
    return account


def prune(keep=1, said=None, **options) -> dict:
    given = Options(**{"env": "dev", "command": "--prune", "keep": keep, "yes": True} | options)
    return command.run(given, Ui(said or io.StringIO(), interactive=False), None)


def refused(**options) -> Failure:
    with pytest.raises(Failure) as failure:
        prune(**options)
    assert "\n" not in failure.value.message
    return failure.value


def deployed(account, *numbers, days=2, env="dev"):
    account.deploy(env, *numbers)
    account.later(days=days)


def test_the_last_versions_and_what_they_share_stay(account):
    deployed(account, 1, 2, 3)
    report = prune(keep=2)
    assert [account.has(number) for number in (1, 2, 3)] == [False, True, True]
    assert {each["key"] for each in report["objects"]} == release(1).objects.keys() - release(2).objects.keys() - {
        release(1).packages[1]
    }
    assert [each["function"] for each in report["functionVersions"]] == [FUNCTION]
    assert report["deleted"]["functionVersions"] == 1
    assert len(account.functions[FUNCTION].versions) == 2
    assert [(each["environment"], len(each["version"])) for each in report["lost"]] == [("dev", 10)]
    assert len([key for key in account.objects if key.startswith("deployments/")]) == 3
    assert prune(keep=2)["result"] == "unchanged"


def test_a_version_that_came_back_counts_once_and_is_the_newest(account):
    deployed(account, 1, 2, 3, 1)
    prune(keep=2)
    assert [account.has(number) for number in (1, 2, 3)] == [True, False, True]


def test_versions_of_every_environment_stay(account):
    deployed(account, 1)
    deployed(account, 2, env="prod")
    deployed(account, 3, 4)
    prune()
    assert [account.has(number) for number in (1, 2, 3, 4)] == [False, True, False, True]


def test_the_plan_and_an_answer_without_a_terminal_delete_nothing(account):
    deployed(account, 1, 2)
    said = io.StringIO()
    assert prune(plan=True, yes=False, said=said)["result"] == "planned"
    assert "then --rollback can no longer deploy" in said.getvalue()
    assert refused(yes=False).code is Exit.REFUSED
    assert account.has(1) and "delete_objects" not in account.calls


def test_what_came_into_use_before_the_answer_stays(account, monkeypatch):
    deployed(account, 1, 2, 3)

    def answered(question):
        account.propose("dev", account.upload(1))
        return True

    monkeypatch.setattr(command, "can_ask", lambda: True)
    monkeypatch.setattr(command, "ask", answered)
    prune(yes=False)
    assert account.has(1) and not account.has(2)


def test_a_no_deletes_nothing(account, monkeypatch):
    deployed(account, 1, 2)
    monkeypatch.setattr(command, "can_ask", lambda: True)
    monkeypatch.setattr(command, "ask", lambda question: False)
    assert refused(yes=False).message == "not confirmed; nothing was deleted"
    assert account.has(1)


def test_an_object_that_is_renewed_after_it_was_listed_stays(account):
    deployed(account, 1, 2)
    with account.failing("delete_objects", lambda **_: account.upload(1)):
        prune()
    assert account.has(1)


def test_the_artifacts_of_the_last_day_stay(account):
    deployed(account, 1)
    deployed(account, 2, 3, days=0)
    account.later(hours=23)
    prune()
    assert account.has(2) and not account.has(1)


def test_what_a_saved_plan_needs_stays_until_it_is_discarded(account):
    deployed(account, 1, 2)
    plan = account.propose("dev", account.upload(3))
    other = account.propose("new", account.upload(4))
    account.later(days=9)
    prune()
    assert account.has(3) and account.has(4) and not account.has(1)
    del account.stacks["dev"].change_sets[plan]
    account.stacks["new"].change_sets[other].execution = "OBSOLETE"
    prune()
    assert not account.has(3) and not account.has(4)


def test_a_deployed_version_without_a_record_stays(account):
    deployed(account, 1, 2)
    for key in [key for key in account.objects if key.startswith("deployments/")][1:]:
        del account.objects[key]
    prune()
    assert account.has(1) and account.has(2)


@pytest.mark.parametrize(
    "status, blocked",
    [
        ("UPDATE_IN_PROGRESS", True),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", True),
        ("UPDATE_ROLLBACK_FAILED", True),
        ("UPDATE_FAILED", True),
        ("DELETE_IN_PROGRESS", True),
        ("REVIEW_IN_PROGRESS", False),
        ("UPDATE_ROLLBACK_COMPLETE", False),
        ("ROLLBACK_COMPLETE", False),
    ],
)
def test_nothing_is_deleted_while_a_stack_of_any_environment_may_go_back(account, status, blocked):
    deployed(account, 1, 2)
    account.stack("prod").status = status
    if not blocked:
        assert prune()["result"] == "pruned"
        return
    failure = refused()
    assert (failure.code, status in failure.message) == (Exit.PREFLIGHT, True)
    assert account.has(1)


def test_nothing_is_deleted_while_a_change_set_is_made(account):
    deployed(account, 1, 2)
    made = account.stacks["dev"].change_sets[account.propose("dev", account.upload(3))]
    made.status, made.execution = "CREATE_IN_PROGRESS", "UNAVAILABLE"
    assert "gets a change set right now" in refused().message
    made.status = "FAILED"
    assert prune()["result"] == "pruned"


@pytest.mark.parametrize("name", ["20991231T000000.000000Z-0123456789.json", "20991231T000000Z-of-format-3"])
def test_a_record_of_a_later_version_of_this_program_ends_it(account, name):
    deployed(account, 1, 2)
    account.objects[f"deployments/dev/{name}"] = [account.version(b'{"format": 3}')]
    failure = refused()
    assert failure.code is Exit.REFUSED and name in failure.message and account.has(1)


def test_what_is_no_artifact_stays(account):
    deployed(account, 1, 2)
    strange = [
        "templates/readme.md",
        "packages/by-hand.zip",
        "deployments/dev/preview.json",
        f"x/{release(9).root_key}",
    ]
    for key in strange:
        account.objects[key] = [account.version(b"{}")]
    account.functions[FUNCTION].versions["by hand"] = SimpleNamespace(
        description="of an operator", when=account.version(b"").when
    )
    account.later(days=9)
    prune()
    assert {*strange} <= account.objects.keys() and "by hand" in account.functions[FUNCTION].versions


def test_both_versions_of_a_shifting_alias_stay(account):
    deployed(account, 1, 2, 3)
    first, _, third = account.functions[FUNCTION].versions
    account.functions[FUNCTION].aliases["live"] = {
        "FunctionVersion": third,
        "RoutingConfig": {"AdditionalVersionWeights": {first: 0.1}},
    }
    prune()
    assert [*account.functions[FUNCTION].versions] == [first, third]


def test_a_function_version_that_an_alias_takes_meanwhile_stays_and_is_counted(account):
    deployed(account, 1, 2)

    def conflict(**_):
        raise raised(ResourceConflictException)

    said = io.StringIO()
    with account.failing("delete_function", conflict):
        report = prune(said=said)
    assert (report["inUse"], report["deleted"]["functionVersions"]) == (1, 0)
    assert "an alias points to them now" in said.getvalue() and not account.has(1)


def test_a_function_that_was_deleted_by_hand_is_no_obstacle(account):
    deployed(account, 1, 2)
    del account.functions[FUNCTION]
    assert prune()["result"] == "pruned"


def test_without_a_bucket_there_is_nothing_to_prune(account):
    account.objects = None
    assert prune()["result"] == "unchanged"


def test_what_s3_refuses_is_named_and_the_rest_deleted(account):
    deployed(account, 1, 2, 3)
    account.locked = {release(1).root_key}
    failure = refused()
    assert failure.code is Exit.FAILED and release(1).root_key in failure.message
    assert "deleted at least" in failure.message and release(2).root_key not in account.objects
    account.locked = set()
    prune()
    assert release(1).root_key not in account.objects


@pytest.mark.parametrize("operation", ["describe_stacks", "list_change_sets", "get_template", "list_object_versions"])
def test_without_the_permission_to_see_what_is_needed_nothing_is_deleted(account, operation):
    deployed(account, 1, 2)
    account.propose("dev", account.upload(2))

    def denied(**_):
        raise refusal("AccessDenied", "Op")

    with account.failing(operation, denied), pytest.raises(Exception, match="AccessDenied"):
        prune()
    assert account.has(1)


def interrupted(**_):
    raise KeyboardInterrupt


def timed_out(**_):
    raise ConnectTimeoutError(endpoint_url="https://s3")


@pytest.mark.parametrize("fault, code", [(interrupted, Exit.INTERRUPTED), (timed_out, Exit.PREFLIGHT)])
def test_what_ends_it_half_way_says_what_was_deleted_and_the_next_run_deletes_the_rest(account, fault, code):
    deployed(account, 1, 2)
    with account.failing("delete_objects", fault):
        failure = refused()
    assert failure.code is code
    assert "deleted at least 0 object versions, 1 function version" in failure.message
    assert prune()["result"] == "pruned" and not account.has(1)


def test_many_versions_are_deleted_in_batches_of_what_s3_takes(account):
    deployed(account, 1, 2)
    account.objects[release(1).root_key] *= 2_500
    for number, each in enumerate(account.objects[release(1).root_key]):
        account.objects[release(1).root_key][number] = SimpleNamespace(**vars(each) | {"id": f"n{number}"})
    report = prune()
    assert account.calls.count("delete_objects") == 3 and report["deleted"]["objectVersions"] > 2_500


PERMISSIONS = {
    "get_caller_identity": "",  # needs none
    "describe_stacks": "cloudformation:DescribeStacks",
    "list_stack_resources": "",  # as --status
    "list_change_sets": "`ListChangeSets`",
    "describe_change_set": "`DescribeChangeSet`",
    "get_template": "cloudformation:GetTemplate",
    "list_object_versions": "s3:ListBucketVersions",
    "get_object": "",  # as --history
    "delete_objects": "s3:DeleteObjectVersion",
    "list_versions_by_function": "lambda:ListVersionsByFunction",
    "list_aliases": "lambda:ListAliases",
    "delete_function": "lambda:DeleteFunction",
}


def test_the_rights_that_it_needs_are_documented(account):
    deployed(account, 1, 2)
    account.propose("dev", account.upload(3))
    account.calls.clear()
    prune()
    assert {*account.calls} == PERMISSIONS.keys()
    text = (Path(__file__).parents[4] / "docs" / "deploy.md").read_text().split("**Rights** besides")[1]
    assert all(action in text.split("## A pipeline")[0] for action in PERMISSIONS.values())


def test_an_upload_renews_objects_of_more_than_half_a_day_only(account):
    account.upload(1)
    account.later(hours=11)
    account.upload(1)
    assert "copy_object" not in account.calls
    account.later(hours=2)
    account.upload(1)
    assert account.calls.count("copy_object") == len(release(1).objects)
    account.later(hours=13)

    def denied(**_):
        raise refusal("AccessDenied", "CopyObject")

    with account.failing("copy_object", denied):  # who only plans
        account.upload(1)
    assert artifact_bucket.has(account.aws.client("s3"), BUCKET, ACCOUNT, release(1).root_key)
