"""Which alarms can roll a deployment back: those that exist before, during and after it."""

import pytest

from config import names
from deployer.plan import rollback_alarms
from deployer.plan.rollback_alarms import COMPOSITE, RollbackAlarms
from deployer.plan.snapshot import Snapshot
from generator import alarms
from generator.notices import Page
from tests.unit.deployer.plan import trees

PREFIX = "food-delivery-prod-"


def alarm(name, trigger=True):
    metadata = {names.ROLLBACK_TRIGGER: "customers wait"} if trigger else {}
    return {"Type": COMPOSITE, "Metadata": metadata, "Properties": {"AlarmName": name}}


def tree(**resources):
    return Snapshot({}, {}, {"Monitoring": trees.of(resources)})


@pytest.mark.parametrize(
    "now, then, found",
    [
        (tree(A=alarm("a")), tree(A=alarm("a")), RollbackAlarms(kept=("a",))),
        (Snapshot(), tree(A=alarm("a")), RollbackAlarms(created=("a",))),
        (tree(A=alarm("a")), tree(A=alarm("a"), B=alarm("b")), RollbackAlarms(kept=("a",), created=("b",))),
        (tree(A=alarm("a")), tree(), RollbackAlarms(removed=("a",))),
        (tree(A=alarm("a")), tree(A=alarm("b")), RollbackAlarms(created=("b",), removed=("a",))),
        # Under another logical id it is deleted, after the other with this name was created.
        (tree(A=alarm("a")), tree(B=alarm("a")), RollbackAlarms(created=("a",), removed=("a",))),
        (tree(A=alarm("a")), tree(A=alarm("a", trigger=False)), RollbackAlarms(removed=("a",))),
        (tree(A=alarm("a", trigger=False)), tree(A=alarm("a")), RollbackAlarms(kept=("a",))),
        (tree(A=alarm({"Ref": "Other"})), tree(A=alarm({"Ref": "Other"})), RollbackAlarms()),
    ],
)
def test_a_trigger_exists_before_and_after_under_the_same_name(now, then, found):
    assert rollback_alarms.compare(now, then) == found


def test_the_triggers_of_the_real_templates_are_the_alarms_that_page_and_cloudformation_takes_them():
    real = trees.real("prod")
    found = rollback_alarms.compare(real, real)
    paging = [each.key for each in alarms.composites() if isinstance(each.notifies, Page)]
    assert [name.removeprefix(PREFIX) for name in found.kept] == paging == ["sync-path", "async-path", "events-path"]
    assert len(found.kept) <= 5, "CloudFormation's limit of rollback triggers"
    assert rollback_alarms.compare(Snapshot(), real) == RollbackAlarms(created=found.kept)
