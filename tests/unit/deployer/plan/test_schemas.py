"""What cannot change in place, by the provider schemas and by the table of what holds data."""

import subprocess
import sys

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from deployer.plan import schemas, stateful
from deployer.plan.changes import Replaces
from deployer.plan.properties import differences
from tests.unit.deployer.plan import trees

KINDS = sorted(
    {
        resource["Type"]
        for tree in (trees.real("prod"), *trees.real("prod").children.values())
        for resource in tree.template["Resources"].values()
    }
    | stateful.REPLACED_BY.keys()
)


def verdicts(kind: str, before: dict, after: dict) -> dict[str, Replaces]:
    return {found.path: schemas.replaces(kind, found) for found in differences(before, after)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_in_use_is_read_as_cfn_lint_reads_it(kind):
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    for key, found in (
        ("createOnlyProperties", schemas.immutable(kind).certain),
        ("conditionalCreateOnlyProperties", schemas.immutable(kind).possible),
    ):
        assert {f"/properties/{'/'.join(pointer)}" for pointer in found} == {
            path.replace("/*", "") for path in schema.get(key) or []
        }


@pytest.mark.parametrize("kind", sorted(stateful.REPLACED_BY))
def test_the_table_of_what_holds_data_knows_at_least_as_much(kind):
    assert {pointer[0] for pointer in schemas.immutable(kind).certain} <= {*stateful.REPLACED_BY[kind]}


def test_a_property_that_is_fixed_at_creation_replaces():
    assert verdicts("AWS::Logs::LogGroup", {"LogGroupName": "a"}, {"LogGroupName": "b", "RetentionInDays": 7}) == {
        "LogGroupName": Replaces.CERTAINLY,
        "RetentionInDays": Replaces.NO,
    }


def test_a_property_that_is_fixed_under_conditions_may_replace():
    [verdict] = verdicts("AWS::Events::Rule", {"EventBusName": "a"}, {"EventBusName": "b"}).values()
    assert verdict is Replaces.POSSIBLY


@pytest.mark.parametrize("value", [False, "false", "", [], {}])
def test_an_empty_value_is_as_good_as_none(value):
    [verdict] = verdicts("AWS::SNS::Topic", {}, {"FifoTopic": value}).values()
    assert verdict is Replaces.NO


def test_within_a_property_only_the_fixed_part_replaces():
    before = {"Budget": {"BudgetName": "a", "BudgetType": "COST"}}
    for name, expected in (("BudgetName", Replaces.CERTAINLY), ("BudgetType", Replaces.NO)):
        after = {"Budget": {**before["Budget"], name: "other"}}
        assert verdicts("AWS::Budgets::Budget", before, after) == {f"Budget.{name}": expected}
    assert verdicts("AWS::Budgets::Budget", {}, {"Budget": {"BudgetType": "COST"}}) == {"Budget": Replaces.NO}
    assert verdicts("AWS::Budgets::Budget", {}, before) == {"Budget": Replaces.CERTAINLY}


def test_an_unknown_type_changes_in_place():
    assert set(verdicts("Custom::Thing", {"A": 1}, {"A": 2}).values()) == {Replaces.NO}


def test_asking_costs_no_import_of_cfn_lint():
    code = (
        "import sys; from deployer.plan import schemas; schemas.immutable('AWS::SQS::Queue').certain or sys.exit(2);"
        " sys.exit('cfnlint' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
