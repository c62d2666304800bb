"""--destroy: what is refused before anything is touched, who must agree, and in what order things go."""

import io
from types import SimpleNamespace

import pytest

from deployer import connection
from deployer.aws import object_versions
from deployer.aws.sent import Sent, Write
from deployer.commands.destroy import command, consent, inventory, removal, stack_deletion
from deployer.commands.destroy.deletion_outcomes import Fate
from deployer.commands.destroy.inventory import ROLE, Inventory
from deployer.commands.destroy.stored_data import BUCKET, TABLE, Holding
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import operation
from deployer.stacks.execution import Outcome
from deployer.stacks.stack_status import StackStatus

STACK = {"StackName": "food-delivery-dev", "StackId": "arn:root", "StackStatus": "CREATE_COMPLETE"}
ARTIFACTS = Holding(Fate((), "artifacts", BUCKET, "artifacts", True), 5)


def held(kind=BUCKET, number=0, kept=False, protected=False, name="data"):
    return Holding(Fate(("DataStack",), "It", kind, name, kept), number, protected)


def found(*holdings, **more):
    fates = tuple(holding.fate for holding in holdings)
    rest = {
        "fates": fates,
        "stack": STACK,
        "untold": (),
        "has_flags": True,
        "records": 2,
        "artifacts": ARTIFACTS,
        "others": frozenset({"prod"}),
        "gateway_role": "food-delivery-dev-role",
    }
    return Inventory("dev", "123456789012", stored=holdings, **rest | more)


class World:
    """Records what is done, in its order; each deletion of the stack ends as `side_effects` says."""

    def __init__(self, monkeypatch):
        self.did, self.found, self.side_effects, self.left = [], found(), ["DELETE_COMPLETE"], []
        self.screen, self.apis = io.StringIO(), []
        identity = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/ada"}
        client = SimpleNamespace(get_caller_identity=lambda: identity, get_rest_apis=lambda limit: {"items": self.apis})
        self.aws = SimpleNamespace(
            client=lambda service: client, region="us-east-1", local=True, endpoint_url=None, sent=Sent()
        )
        monkeypatch.setattr(connection, "connect", lambda *arguments: self.aws)
        monkeypatch.setattr(inventory, "take", lambda *arguments: self.found)
        monkeypatch.setattr(stack_deletion, "run", self._delete)
        monkeypatch.setattr(stack_deletion, "left", lambda aws, stack: self.left)
        monkeypatch.setattr(object_versions, "delete", self._empty)
        monkeypatch.setattr(removal, "unprotect", lambda aws, table, pause: self.did.append(f"unprotect {table}"))
        monkeypatch.setattr(removal, "holding", lambda aws, one, pause: self.did.append(f"remove {one.id}"))
        monkeypatch.setattr(removal, "parameter", lambda aws, name: self.did.append(f"parameter {name}") or True)
        monkeypatch.setattr(removal, "log_groups", lambda aws, prefixes: self.did.append("log groups") or [])
        monkeypatch.setattr(removal, "log_role", lambda aws, role, in_use: self.did.append(f"role {role} {in_use}"))
        monkeypatch.setattr(consent, "can_ask", lambda: False)

    def _delete(self, aws, stack, on_events, polling, token):
        assert operation.starter(token).who == "ada"
        self.did.append("delete stack")
        return Outcome(StackStatus(self.side_effects.pop(0)), (), {})

    def _empty(self, s3, bucket, on_count=None, prefix=""):
        self.did.append(f"empty {bucket} {prefix}".rstrip())
        return 0

    def run(self, **options):
        options = Options("dev", **{"yes": True} | options)
        return command.run(options, Ui(self.screen, interactive=False), None)

    def refused(self, **options) -> Failure:
        with pytest.raises(Failure) as failure:
            self.run(**options)
        assert self.did == [], "nothing may have been touched"
        return failure.value

    def answers(self, monkeypatch, answer):
        monkeypatch.setattr(consent, "can_ask", lambda: True)
        monkeypatch.setattr("builtins.input", lambda question: answer)


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


SWEPT = ["log groups", "parameter /food-delivery/dev/feature-flags", "empty artifacts deployments/dev/"]


def test_the_stack_goes_then_what_no_stack_knows_and_the_shared_things_stay(world):
    world.found = found(held())
    report = world.run()
    assert world.did == ["delete stack", *SWEPT]
    assert [entry["physicalId"] for entry in report["kept"]] == ["artifacts", "food-delivery-dev-role"]
    assert report["removed"] == [{"type": BUCKET, "physicalId": "data"}]


@pytest.mark.parametrize(
    "holding, said",
    [
        (held(number=3), "holds 3 object versions"),
        (held(TABLE, 1, protected=True), "has deletion protection switched on"),
    ],
)
def test_data_in_the_way_is_refused_and_told(world, monkeypatch, holding, said):
    world.answers(monkeypatch, "dev")
    world.found = found(holding)
    failure = world.refused()
    assert failure.code is Exit.REFUSED and said in failure.message and "--delete-data" in failure.hint


def test_with_the_data_the_stack_is_made_deletable_first_and_what_it_retained_goes_after_it(world, monkeypatch):
    world.answers(monkeypatch, "dev")
    table, kept = held(TABLE, 1, protected=True, name="orders"), held(TABLE, 1, kept=True, name="retained")
    world.found = found(held(number=3), table, kept)
    world.run(delete_data=True)
    assert world.did == ["empty data", "unprotect orders", "delete stack", "remove retained", *SWEPT]


def test_the_last_environment_takes_the_shared_things_along(world):
    world.found = found(others=frozenset())
    report = world.run(delete_data=True)
    assert world.did[-3:] == ["empty artifacts", "remove artifacts", "role food-delivery-dev-role True"]
    assert report["kept"] == []


def test_the_role_stays_while_other_apis_log_with_it(world):
    world.found, world.apis = found(others=frozenset()), [{"id": "theirs"}]
    report = world.run(delete_data=True)
    assert not any(did.startswith("role") for did in world.did)
    assert "other APIs" in report["kept"][0]["why"]


def test_a_role_that_api_gateway_no_longer_uses_is_removed_without_asking_for_its_apis(world):
    old = Fate(("ApiStack",), "Role", ROLE, "old-role", True)
    world.found, world.apis = found(others=frozenset(), fates=(old,), gateway_role=""), [{"id": "theirs"}]
    world.run(delete_data=True)
    assert world.did[-1] == "role old-role False"


@pytest.mark.parametrize("holding", [held(kept=True), held(TABLE, kept=True, protected=True)])
def test_where_data_is_kept_yes_is_not_enough_and_the_name_must_be_typed(world, monkeypatch, holding):
    world.found = found(holding)
    assert "--yes is not enough" in world.refused(delete_data=True).hint
    for wrong in ("", "y", "DEV", "prod"):
        world.answers(monkeypatch, wrong)
        assert "not confirmed" in world.refused().message
    world.answers(monkeypatch, "dev ")
    assert world.run()["result"] == "destroyed"


def test_what_the_environments_file_protects_is_protected_whatever_is_deployed(world, monkeypatch):
    world.found = found()
    for refused in ("staging", "prod"):
        options = Options(refused, yes=True)
        if refused == "prod":
            with pytest.raises(Failure, match="must be typed"):
                command.run(options, Ui(world.screen, interactive=False), None)
        else:
            command.run(options, Ui(world.screen, interactive=False), None)


def test_every_obstacle_is_told_by_its_own_name(world, monkeypatch):
    world.answers(monkeypatch, "dev")
    world.found = found(held(number=3), held(TABLE, 0, protected=True, name="orders"))
    said = world.refused().message
    assert "(data) holds 3 object versions" in said
    assert "(orders) has deletion protection switched on, whatever it holds (about 0 items)" in said


@pytest.mark.parametrize(
    "holding, said, unsaid",
    [
        (held(TABLE, protected=True), "has deletion protection switched on", "retained"),
        (held(TABLE, kept=True), "is retained by its deletion policy", "deletion protection"),
        (Holding(Fate((), "Old", BUCKET, "old", True), 0), "old was left by an earlier deployment", "policy"),
    ],
)
def test_why_a_name_must_be_typed_is_said_as_it_is(world, holding, said, unsaid):
    world.found = found(holding)
    failure = world.refused(delete_data=True)
    assert said in failure.message and unsaid not in failure.message


def test_what_is_to_be_typed_by_hand_goes_where_this_run_went(world):
    world.found = found(stack={**STACK, "EnableTerminationProtection": True})
    world.aws.local = False
    assert (
        "--stack-name food-delivery-dev --region us-east-1 --profile 'my ops'" in world.refused(profile="my ops").hint
    )


def test_elsewhere_a_yes_is_asked_for(world, monkeypatch):
    assert "--yes" in world.refused(yes=False).hint
    world.answers(monkeypatch, "n")
    monkeypatch.setattr(consent, "ask", lambda question: False)
    assert "not confirmed" in world.refused(yes=False).message
    monkeypatch.setattr(consent, "ask", lambda question: True)
    assert world.run(yes=False)["result"] == "destroyed"


def test_a_plan_touches_nothing_and_asks_nobody(world):
    world.found = found(held(number=3))
    report = world.run(plan=True, yes=False)
    assert report["result"] == "planned" and world.did == []
    assert "DataStack/It: 3 object versions" in world.screen.getvalue()


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
def test_a_stack_that_is_changing_is_left_alone(world, status):
    world.found = found(stack={**STACK, "StackStatus": status})
    assert world.refused().code is Exit.PREFLIGHT


@pytest.mark.parametrize(
    "status",
    ["DELETE_IN_PROGRESS", "DELETE_FAILED", "ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "REVIEW_IN_PROGRESS"],
)
def test_a_stack_in_any_other_state_can_be_destroyed(world, status):
    world.found = found(stack={**STACK, "StackStatus": status})
    assert world.run()["result"] == "destroyed"


def test_a_stack_protected_against_termination_is_refused_with_the_way_out(world):
    world.found = found(stack={**STACK, "EnableTerminationProtection": True})
    failure = world.refused()
    assert failure.code is Exit.REFUSED and "--no-enable-termination-protection" in failure.hint


def test_a_file_that_came_in_meanwhile_is_deleted_too(world):
    world.found, world.side_effects = found(held(number=3)), ["DELETE_FAILED", "DELETE_COMPLETE"]
    world.left = [held().fate]
    world.run(delete_data=True)
    assert world.did[:4] == ["empty data", "delete stack", "empty data", "delete stack"]


@pytest.mark.parametrize("delete_data, left, tries", [(False, BUCKET, 1), (True, TABLE, 1), (True, BUCKET, 2)])
def test_a_failed_deletion_tells_what_is_left_and_leaves_the_rest_for_the_next_run(world, delete_data, left, tries):
    world.side_effects, world.left = ["DELETE_FAILED"] * 2, [Fate(("DataStack",), "Stuck", left, "stuck", False)]
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
def test_an_interruption_says_what_was_begun_until_then(world, monkeypatch, sent, said):
    def interrupt(*arguments):
        world.aws.sent.writes += [Write("x", operation, subject, 1, 0, True) for operation, subject in sent]
        raise KeyboardInterrupt

    monkeypatch.setattr(stack_deletion, "run", interrupt)
    with pytest.raises(Failure) as failure:
        world.run()
    assert (failure.value.code, failure.value.message) == (Exit.INTERRUPTED, f"interrupted; {said}")
    assert "run the same command again" in failure.value.hint


def test_nothing_deployed_is_said_and_is_no_failure(world):
    world.found = found(stack=None, has_flags=False, records=0)
    report = world.run(yes=False)
    assert (report["result"], world.did) == ("nothing deployed", [])


def test_what_an_earlier_destruction_left_is_removed_without_a_stack(world, monkeypatch):
    world.answers(monkeypatch, "dev")
    world.found = found(held(TABLE, 1, kept=True, name="retained"), stack=None, fates=())
    assert world.run(delete_data=True)["removed"] == [{"type": TABLE, "physicalId": "retained"}]
    assert world.did == ["remove retained", *SWEPT]
