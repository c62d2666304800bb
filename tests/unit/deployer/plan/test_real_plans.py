"""Plans of the templates that the generator makes: what a person changes, and what the plan then says."""

import re
from dataclasses import replace

import pytest

from config.environment import Environment
from config.parameters import hash_of, settings
from deployer.plan import compare, guard, publishing
from deployer.plan.changes import Action, Plan, Unknown
from deployer.plan.snapshot import Snapshot
from generator.functions import FUNCTIONS
from tests.unit.deployer.plan import trees


def deployed(environment: str = "dev") -> Snapshot:
    """Return a tree as read from an account: every parameter has a value."""
    tree = trees.real(environment)
    children = {
        name: replace(
            child,
            parameters={
                key: f"value-of-{key}" if isinstance(value, Unknown) else value
                for key, value in child.parameters.items()
            },
        )
        for name, child in tree.children.items()
    }
    return replace(tree, children=children)


def plan(change=None, environment: str = "dev", **parameters: str) -> Plan:
    now = deployed(environment)
    return compare.make(now, trees.real(environment, change, now, **parameters))


def summary(made: Plan) -> dict[str, tuple]:
    return {
        change.path: (change.action, *((found.path, found.before, found.after) for found in change.differences))
        for change in made.changes
    }


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_what_is_deployed_already_needs_no_change(environment):
    assert plan(environment=environment) == Plan(())


def test_a_log_retention_changes_every_log_group_and_nothing_else():
    made = plan(LogRetentionDays="30")
    assert len(made.changes) == len(FUNCTIONS) + 2  # and those of the API
    assert {change.type for change in made.changes} == {"AWS::Logs::LogGroup"}
    assert {entry for _, *entries in summary(made).values() for entry in entries} == {("RetentionInDays", "7", "30")}


def test_new_code_changes_the_functions_in_place_and_publishes_each():
    made = plan(FunctionsKey="functions-2.zip")
    assert {change.type for change in publishing.others(made.changes)} == {"AWS::Lambda::Function"}
    assert len(publishing.others(made.changes)) == len(publishing.published(made.changes)) == len(FUNCTIONS)
    assert len(made.changes) == 3 * len(FUNCTIONS) and guard.dangers(made) == []
    assert summary(made)["ComputeStack/OrdersQueryFunction"] == (
        Action.MODIFY,
        ("Code.S3Key", "f.zip", "functions-2.zip"),
    )


UNPUBLISHED = {"ReservedConcurrentExecutions", "Tags"}
SETTINGS = {each.parameter.name: each for each in settings(Environment) if each.parameter}


def another(value: str, setting) -> str:
    if "enum" in setting.schema:
        return str(next(each for each in setting.schema["enum"] if str(each) != value))
    if setting.schema["type"] == "boolean":
        return "false" if value == "true" else "true"
    return str(float(value) + 1) if setting.schema["type"] in ("integer", "number") else f"{value}another"


@pytest.mark.parametrize("environment", ["dev", "prod"])
@pytest.mark.parametrize("name", [name for name in SETTINGS if name != "Environment"])
def test_a_plan_publishes_a_function_exactly_if_it_changes_it(name, environment):
    setting = SETTINGS[name].parameter
    value = another(str(trees.real(environment).parameters[name]), SETTINGS[name])
    made = plan(
        environment=environment, **{name: value}, **({setting.hash_name: hash_of(value)} if setting.hashed else {})
    )
    functions = [
        change.logical_id.removesuffix("Function")
        for change in made.changes
        if change.type == "AWS::Lambda::Function" and not {*change.properties} <= UNPUBLISHED
    ]
    assert publishing.published(made.changes) == functions


def test_a_new_layer_is_another_version_that_the_functions_come_to_use():
    made = plan(LayerKey="layer-2.zip")
    assert summary(made).pop("ComputeStack/LibrariesLayer")[0] is Action.REPLACE
    assert len(publishing.published(made.changes)) == len(FUNCTIONS)
    [layers] = summary(made)["ComputeStack/OrdersQueryFunction"][1:]
    assert layers == ("Layers[0]", {"Ref": "LibrariesLayer"}, Unknown("LibrariesLayer"))


def test_another_sort_key_replaces_the_table_and_its_consequences_are_planned():
    def rename(bundle):
        for part in bundle.children["DataStack"]["Resources"]["OrdersTable"]["Properties"]["KeySchema"]:
            if part["KeyType"] == "RANGE":
                part["AttributeName"] = "processedDate"

    made = plan(rename)
    assert summary(made)["DataStack/OrdersTable"] == (
        Action.REPLACE,
        ("KeySchema[KeyType=RANGE].AttributeName", "timestamp", "processedDate"),
    )
    [danger] = guard.dangers(made)
    assert danger.change.path == "DataStack/OrdersTable"
    names = [
        found.path for found in dict((c.path, c) for c in made.changes)["ComputeStack/OrdersQueryFunction"].differences
    ]
    assert [name for name in names if re.fullmatch(r"Environment\.Variables\.\w*TABLE\w*", name)], names


def test_a_resource_more_and_one_less():
    def exchange(bundle):
        resources = bundle.children["DataStack"]["Resources"]
        queue = next(name for name, resource in resources.items() if resource["Type"] == "AWS::SQS::Queue")
        resources["AnotherQueue"] = resources.pop(queue)

    made = plan(exchange)
    assert made.count(Action.ADD) == made.count(Action.REMOVE) == 1
    [danger] = guard.dangers(made)
    assert danger.change.action is Action.REMOVE


def test_a_widget_renamed_is_found_inside_the_dashboard():
    def rename(bundle):
        body = bundle.children["MonitoringStack"]["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        body[0] = body[0].replace('"title": "Alarms', '"title": "All alarms', 1)

    [dashboard] = summary(plan(rename, "prod")).values()
    [(path, before, after)] = dashboard[1:]
    assert re.fullmatch(r"DashboardBody\.widgets\[\d+\]\.properties\.title", path)
    assert after == before.replace("Alarms", "All alarms")


def test_another_reason_in_the_metadata_is_metadata_only():
    def explain(bundle):
        bundle.children["DataStack"]["Resources"]["OrdersTable"].setdefault("Metadata", {})["why"] = "because"

    [change] = plan(explain).changes
    assert change.metadata_only and change.action is Action.MODIFY


def test_a_dependency_is_the_same_as_a_name_or_as_a_list():
    def depend(bundle):
        for resource in bundle.children["ApiStack"]["Resources"].values():
            needed = resource.get("DependsOn")
            if needed:
                resource["DependsOn"] = [needed] if isinstance(needed, str) else needed[::-1]

    assert not plan(depend).changes
