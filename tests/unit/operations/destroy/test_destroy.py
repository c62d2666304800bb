"""--destroy: what is refused before anything is changed, what needs confirmation, and the order of deletions."""

import io
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from config.environment import load
from config.sections import Data
from deployer import connection
from deployer.aws import object_versions
from deployer.aws.sent import Sent, Write
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import operation
from deployer.stacks.execution import Outcome
from deployer.stacks.stack_status import StackStatus
from operations.destroy import command, consent, inventory, removal
from operations.destroy.inventory import ROLE, Inventory
from operations.destroy.resources import BUCKET, TABLE, DataResource, Resource
from operations.partners import keys
from operations.partners.keys import Key

STACK = {"StackName": "food-delivery-dev", "StackId": "arn:root", "StackStatus": "CREATE_COMPLETE"}
ARTIFACTS = DataResource(Resource((), "artifacts", BUCKET, "artifacts", True), 5)


def data(kind=BUCKET, count=0, retained=False, protected=False, name="data"):
    return DataResource(Resource(("DataStack",), "It", kind, name, retained), count, protected)


def found(*stored, **more):
    resources = tuple(each.resource for each in stored)
    rest = {
        "resources": resources,
        "stack": STACK,
        "unchecked": (),
        "has_flags": True,
        "records": 2,
        "artifacts": ARTIFACTS,
        "others": frozenset({"prod"}),
        "gateway_role": "food-delivery-dev-role",
    }
    return Inventory("dev", "123456789012", data=stored, **rest | more)


class World:
    """Records what is done, in order. `outcomes`: the status that each deletion of the stack ends in."""

    def __init__(self, monkeypatch):
        self.did, self.found, self.outcomes, self.left = [], found(), ["DELETE_COMPLETE"], []
        self.screen, self.apis = io.StringIO(), []
        identity = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/ada"}
        client = SimpleNamespace(get_caller_identity=lambda: identity, get_rest_apis=lambda limit: {"items": self.apis})
        self.aws = SimpleNamespace(
            client=lambda service: client,
            region="us-east-1",
            elsewhere="",
            local=True,
            on_this_machine=True,
            endpoint_url=None,
            sent=Sent(),
        )
        monkeypatch.setattr(connection, "connect", lambda *arguments: self.aws)
        monkeypatch.setattr(inventory, "take", lambda *arguments: self.found)
        monkeypatch.setattr(removal, "delete_stack", self._delete)
        monkeypatch.setattr(removal, "undeleted", lambda aws, stack: self.left)
        monkeypatch.setattr(object_versions, "delete", self._empty)
        monkeypatch.setattr(
            removal, "disable_protection", lambda aws, table, pause: self.did.append(f"unprotect {table}")
        )
        monkeypatch.setattr(removal, "delete_data", lambda aws, one, pause: self.did.append(f"remove {one.id}"))
        monkeypatch.setattr(removal, "delete_parameter", lambda aws, name: self.did.append(f"parameter {name}") or True)
        monkeypatch.setattr(removal, "delete_log_groups", lambda aws, prefixes: self.did.append("log groups") or [])
        monkeypatch.setattr(
            removal, "delete_log_role", lambda aws, role, in_use: self.did.append(f"role {role} {in_use}")
        )
        monkeypatch.setattr(keys, "delete", lambda aws, key: self.did.append(f"key {key}"))
        monkeypatch.setattr(consent, "can_ask", lambda: False)

    def _delete(self, aws, stack, on_events, polling, token):
        assert operation.starter(token).who == "ada"
        self.did.append("delete stack")
        return Outcome(StackStatus(self.outcomes.pop(0)), (), {})

    def _empty(self, s3, bucket, on_count=None, prefix=""):
        self.did.append(f"empty {bucket} {prefix}".rstrip())
        return 0

    def run(self, **options):
        options = Options(**{"env": "dev", "yes": True} | options)
        return command.run(options, Ui(self.screen, interactive=False), None)

    def refused(self, **options) -> Failure:
        with pytest.raises(Failure) as failure:
            self.run(**options)
        assert self.did == [], "nothing may be changed"
        return failure.value

    def answers(self, monkeypatch, answer):
        monkeypatch.setattr(consent, "can_ask", lambda: True)
        monkeypatch.setattr("builtins.input", lambda question: answer)


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


KEYS = tuple(Key(each, "acme", "standard", datetime(2026, 11, 1, tzinfo=UTC)) for each in ("k1", "k2"))
SWEPT = ["log groups", "parameter /food-delivery/dev/feature-flags", "empty artifacts deployments/dev/"]


def test_the_stack_is_deleted_then_what_is_outside_it_and_shared_resources_are_kept(world):
    world.found = found(data())
    report = world.run()
    assert world.did == ["delete stack", *SWEPT]
    assert [entry["physicalId"] for entry in report["kept"]] == ["artifacts", "food-delivery-dev-role"]
    assert report["removed"] == [{"type": BUCKET, "physicalId": "data"}]


def test_partners_lose_their_keys_before_the_stack_with_their_usage_plans(world):
    world.found = found(partner_keys=KEYS)
    report = world.run()
    assert world.did == ["key k1", "key k2", "delete stack", *SWEPT]
    assert "2 API keys of the partners acme, who then have no access" in world.screen.getvalue()
    assert [each["physicalId"] for each in report["removed"]] == ["k1", "k2"]


def test_the_question_counts_the_keys_of_partners(world, monkeypatch):
    asked = []
    monkeypatch.setattr(consent, "can_ask", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or "n")
    world.found = found(partner_keys=KEYS)
    world.refused(yes=False)
    assert asked == ["Destroy environment dev and revoke 2 API keys of partners? [y/N] "]


def test_keys_that_outlived_the_stack_are_deleted(world):
    world.found = found(stack=None, has_flags=False, records=0, artifacts=None, gateway_role="", partner_keys=KEYS)
    world.run()
    assert world.did[:2] == ["key k1", "key k2"]


@pytest.mark.parametrize(
    "stored, said",
    [
        (data(count=3), "holds 3 object versions"),
        (data(TABLE, 1, protected=True), "has deletion protection"),
    ],
)
def test_data_that_blocks_the_deletion_is_refused_with_its_resource(world, monkeypatch, stored, said):
    world.answers(monkeypatch, "dev")
    world.found = found(stored)
    failure = world.refused()
    assert failure.code is Exit.REFUSED and said in failure.message and "--delete-data" in failure.hint


def test_delete_data_empties_and_unprotects_first_and_deletes_retained_data_after_the_stack(world, monkeypatch):
    world.answers(monkeypatch, "dev")
    table, retained = data(TABLE, 1, protected=True, name="orders"), data(TABLE, 1, retained=True, name="retained")
    world.found = found(data(count=3), table, retained)
    world.run(delete_data=True)
    assert world.did == ["empty data", "unprotect orders", "delete stack", "remove retained", *SWEPT]


def test_the_last_environment_s_deletion_deletes_shared_resources(world):
    world.found = found(others=frozenset())
    report = world.run(delete_data=True)
    assert world.did[-3:] == ["empty artifacts", "remove artifacts", "role food-delivery-dev-role True"]
    assert report["kept"] == []


def test_a_preview_is_never_the_last_environment(world):
    world.found = found(others=frozenset())
    report = world.run(env="pr-1", like="dev", delete_data=True)
    assert world.did == ["delete stack", *SWEPT]
    assert [entry["physicalId"] for entry in report["kept"]] == ["artifacts", "food-delivery-dev-role"]


def test_the_role_is_kept_while_other_apis_log_with_it(world):
    world.found, world.apis = found(others=frozenset()), [{"id": "theirs"}]
    report = world.run(delete_data=True)
    assert not any(did.startswith("role") for did in world.did)
    assert "other APIs" in report["kept"][0]["why"]


def test_a_role_that_api_gateway_no_longer_uses_is_deleted_without_listing_apis(world):
    old = Resource(("ApiStack",), "Role", ROLE, "old-role", True)
    world.found, world.apis = found(others=frozenset(), resources=(old,), gateway_role=""), [{"id": "theirs"}]
    world.run(delete_data=True)
    assert world.did[-1] == "role old-role False"


@pytest.mark.parametrize("stored", [data(retained=True), data(TABLE, retained=True, protected=True)])
def test_for_retained_data_yes_is_not_enough_and_the_name_must_be_typed(world, monkeypatch, stored):
    world.found = found(stored)
    assert "--yes is not enough" in world.refused(delete_data=True).hint
    for wrong in ("", "y", "DEV", "prod"):
        world.answers(monkeypatch, wrong)
        assert "not confirmed" in world.refused().message
    world.answers(monkeypatch, "dev ")
    assert world.run()["result"] == "destroyed"


def test_the_environment_s_file_protects_whatever_is_deployed(world, monkeypatch):
    world.found = found()
    for refused in ("staging", "prod"):
        options = Options(refused, yes=True)
        if refused == "prod":
            with pytest.raises(Failure, match="must be typed"):
                command.run(options, Ui(world.screen, interactive=False), None)
        else:
            command.run(options, Ui(world.screen, interactive=False), None)


def test_every_obstacle_names_its_resource(world, monkeypatch):
    world.answers(monkeypatch, "dev")
    world.found = found(data(count=3), data(TABLE, 0, protected=True, name="orders"))
    said = world.refused().message
    assert "(data) holds 3 object versions" in said
    assert "(orders) has deletion protection (about 0 items)" in said


@pytest.mark.parametrize(
    "stored, said, unsaid",
    [
        (data(TABLE, protected=True), "has deletion protection", "retained"),
        (data(TABLE, retained=True), "is retained by its deletion policy", "deletion protection"),
        (
            DataResource(Resource((), "Old", BUCKET, "old", True), 0),
            "old was retained by an earlier deployment",
            "policy",
        ),
    ],
)
def test_the_refusal_says_why_a_name_must_be_typed(world, stored, said, unsaid):
    world.found = found(stored)
    failure = world.refused(delete_data=True)
    assert said in failure.message and unsaid not in failure.message


def test_suggested_commands_name_this_run_s_region_and_profile(world):
    world.found = found(stack={**STACK, "EnableTerminationProtection": True})
    world.aws.local = False
    assert (
        "--stack-name food-delivery-dev --region us-east-1 --profile 'my ops'" in world.refused(profile="my ops").hint
    )


def test_without_protection_a_yes_is_enough(world, monkeypatch):
    assert "--yes" in world.refused(yes=False).hint
    world.answers(monkeypatch, "n")
    monkeypatch.setattr(consent, "ask", lambda question: False)
    assert "not confirmed" in world.refused(yes=False).message
    asked = []
    monkeypatch.setattr(consent, "ask", lambda question: not asked.append(question))
    world.aws.elsewhere = " at https://localhost:1, not AWS"
    assert world.run(yes=False)["result"] == "destroyed"
    assert asked == ["Destroy environment dev at https://localhost:1, not AWS?"]


def test_a_plan_changes_nothing_and_asks_nothing(world):
    world.found = found(data(count=3))
    report = world.run(plan=True, yes=False)
    assert report["result"] == "planned" and world.did == []
    assert "DataStack/It: 3 object versions" in world.screen.getvalue()


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
def test_a_stack_that_is_changing_is_refused(world, status):
    world.found = found(stack={**STACK, "StackStatus": status})
    assert world.refused().code is Exit.PREFLIGHT


@pytest.mark.parametrize(
    "status",
    ["DELETE_IN_PROGRESS", "DELETE_FAILED", "ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "REVIEW_IN_PROGRESS"],
)
def test_a_stack_in_any_other_state_can_be_destroyed(world, status):
    world.found = found(stack={**STACK, "StackStatus": status})
    assert world.run()["result"] == "destroyed"


def test_termination_protection_is_refused_with_the_command_that_disables_it(world):
    world.found = found(stack={**STACK, "EnableTerminationProtection": True})
    failure = world.refused()
    assert failure.code is Exit.REFUSED and "--no-enable-termination-protection" in failure.hint


def test_the_typed_name_lifts_the_protection_of_a_stack_that_retains_data(world, monkeypatch):
    retaining = load("dev").model_copy(update={"data": Data(retention="Retain")})
    monkeypatch.setattr(connection, "load_environment", lambda options: retaining)
    client = world.aws.client("cloudformation")
    client.update_termination_protection = lambda **call: world.did.append(("protection", *call.values()))
    world.found = found(stack={**STACK, "EnableTerminationProtection": True})
    assert "has termination protection" in world.refused().message
    world.answers(monkeypatch, "dev")
    world.run()
    assert world.did[:2] == [("protection", "arn:root", False), "delete stack"]


def test_an_object_put_after_emptying_is_deleted_by_one_retry(world):
    world.found, world.outcomes = found(data(count=3)), ["DELETE_FAILED", "DELETE_COMPLETE"]
    world.left = [data().resource]
    world.run(delete_data=True)
    assert world.did[:4] == ["empty data", "delete stack", "empty data", "delete stack"]


@pytest.mark.parametrize("delete_data, left, tries", [(False, BUCKET, 1), (True, TABLE, 1), (True, BUCKET, 2)])
def test_a_failed_deletion_names_what_is_left_and_can_be_resumed(world, delete_data, left, tries):
    world.outcomes, world.left = ["DELETE_FAILED"] * 2, [Resource(("DataStack",), "Stuck", left, "stuck", False)]
    with pytest.raises(Failure, match="1 resources are left") as failure:
        world.run(delete_data=delete_data)
    assert failure.value.code is Exit.FAILED and "same command" in failure.value.hint
    assert world.did == ["delete stack"] * tries
    assert "left: DataStack/Stuck" in world.screen.getvalue()


@pytest.mark.parametrize(
    "sent, said",
    [
        ([], "nothing was changed"),
        ([("DeleteObjects", {"Bucket": "b"})], "the stack was not changed, but this run deleted objects in bucket b"),
        (
            [("DeleteStack", {"StackName": "arn:aws:cloudformation:r:1:stack/s/1", "ClientRequestToken": "t"})],
            "this run began to delete stack s",
        ),
    ],
)
def test_an_interruption_says_what_was_changed_before_it(world, monkeypatch, sent, said):
    def interrupt(*arguments):
        world.aws.sent.writes += [Write("x", operation, subject, 1, 0, True) for operation, subject in sent]
        raise KeyboardInterrupt

    monkeypatch.setattr(removal, "delete_stack", interrupt)
    with pytest.raises(Failure) as failure:
        world.run()
    assert (failure.value.code, failure.value.message) == (Exit.INTERRUPTED, f"interrupted; {said}")
    assert "run the same command again" in failure.value.hint


def test_nothing_deployed_is_reported_and_is_no_failure(world):
    world.found = found(stack=None, has_flags=False, records=0)
    report = world.run(yes=False)
    assert (report["result"], world.did) == ("nothing deployed", [])


def test_retained_data_is_deleted_without_a_stack(world, monkeypatch):
    world.answers(monkeypatch, "dev")
    world.found = found(data(TABLE, 1, retained=True, name="retained"), stack=None, resources=())
    assert world.run(delete_data=True)["removed"] == [{"type": TABLE, "physicalId": "retained"}]
    assert world.did == ["remove retained", *SWEPT]
