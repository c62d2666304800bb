"""A function's version: a new one exactly when the function changes, since Lambda refuses to publish what it has."""

import copy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troposphere import Ref, Template

from config.parameters import hash_of
from deployer.plan import schemas
from generator import compute as compute_module
from generator import data as data_module
from generator import versions
from generator.functions import FUNCTIONS
from generator.parameters import HASH_NAMES, OF_ROOT
from tests.unit.templates.support import evaluate, everywhere, names_used, of_type, root_parameters

ALL = {function.title for function in FUNCTIONS}
LONGEST_DESCRIPTION = 256
LONGEST = {"FunctionsKey": "packages/functions-" + 64 * "f" + ".zip", "LayerKey": "packages/layer-" + 64 * "f" + ".zip"}
# Parameter -> the functions that a new value publishes; every other publishes none.
PUBLISHED = {
    **dict.fromkeys(("FunctionsKey", "LayerKey", "LogLevel", "DashboardEnabled", "OpenTelemetryLayerArn"), ALL),
    "AllowedOrigins": {"OrdersCommand", "OrdersQuery", "OrdersIntake"},
    "OrderTtlDays": {"OrdersCommand", "OrdersQuery", "OrdersWorker"},
    "TraceEvents": {"OrdersEvents"},
}
CHANGEABLE = [name for name in OF_ROOT if name not in {*versions.CONSTANT, *HASH_NAMES.values()}]


def resolved(compute: dict, parameters: dict[str, str]) -> tuple[dict[str, dict], dict[str, str]]:
    """Function -> its published properties, with the layer's in place of its name; function -> its version's Description."""
    layers = {
        title: evaluate(compute, each, parameters) for title, each in of_type(compute, "Lambda::LayerVersion").items()
    }
    functions, descriptions = {}, {}
    for function in FUNCTIONS:
        properties = evaluate(compute, compute["Resources"][f"{function.title}Function"]["Properties"], parameters)
        properties["Layers"] = [layers.get(each, each) for each in properties["Layers"]]
        functions[function.title] = {
            name: value for name, value in properties.items() if name not in versions.NOT_PUBLISHED
        }
        version = compute["Resources"][f"{function.title}Version"]["Properties"]
        descriptions[function.title] = evaluate(compute, version["Description"], parameters)
    return functions, descriptions


def changed(before: dict, after: dict) -> set[str]:
    return {title for title in before if before[title] != after[title]}


def assert_published_exactly_if_changed(compute: dict, before: dict[str, str], after: dict[str, str]) -> set[str]:
    (old_functions, old_versions), (new_functions, new_versions) = resolved(compute, before), resolved(compute, after)
    assert changed(old_versions, new_versions) == changed(old_functions, new_functions)
    return changed(old_versions, new_versions)


def values_of(name: str) -> list[str]:
    """Values that a parameter may have; patterns do not matter here."""
    definition = OF_ROOT[name]
    if "AllowedValues" in definition:
        return [str(value) for value in definition["AllowedValues"]]
    if definition["Type"] == "Number":
        return [str(definition.get("MinValue", 0) + step) for step in (0, 1)]
    return ["", "one", "another"]


def given_parameters(**changes: str) -> dict[str, str]:
    """What the deployer passes: with the hash of each value that has one."""
    values = root_parameters("dev", **changes)
    return values | {hash_name: hash_of(values[name]) for name, hash_name in HASH_NAMES.items()}


@pytest.mark.parametrize("name", CHANGEABLE)
def test_a_setting_or_package_publishes_the_functions_that_it_changes_and_no_other(compute, name):
    before = given_parameters()
    for value in values_of(name):
        if value != before[name]:
            published = assert_published_exactly_if_changed(compute, before, given_parameters(**{name: value}))
            assert published == PUBLISHED.get(name, set())


STATES = st.fixed_dictionaries({}, optional={name: st.sampled_from(values_of(name)) for name in CHANGEABLE})


@given(STATES, STATES)
def test_a_function_is_published_exactly_if_it_changes(compute, before, after):
    assert_published_exactly_if_changed(compute, given_parameters(**before), given_parameters(**after))


@pytest.mark.parametrize("name", [HASH_NAMES.get(name, name) for name in PUBLISHED])
def test_a_description_without_a_setting_is_found(compute, name):
    forgetful = copy.deepcopy(compute)
    for version in of_type(forgetful, "Lambda::Version").values():
        text = version["Properties"]["Description"]
        text["Fn::Sub"] = text["Fn::Sub"].replace(f"${{{name}}}", "")
    with pytest.raises(AssertionError):
        for each in CHANGEABLE:
            for value in values_of(each):
                assert_published_exactly_if_changed(forgetful, given_parameters(), given_parameters(**{each: value}))


def test_the_longest_description_fits(compute):
    longest = {
        name: LONGEST.get(name)
        or max(
            map(str, [*map(str, definition.get("AllowedValues", ())), definition.get("MaxValue", ""), 12 * "f"]),
            key=len,
        )
        for name, definition in OF_ROOT.items()
    }
    _, descriptions = resolved(compute, longest)
    for text in descriptions.values():
        assert len(text) <= LONGEST_DESCRIPTION
        assert text.startswith(f"{LONGEST['FunctionsKey']} {LONGEST['LayerKey']} ")


def test_no_text_of_any_length_is_in_a_description(compute):
    for version in of_type(compute, "Lambda::Version").values():
        for name in set(re.findall(r"\$\{(\w+)\}", version["Properties"]["Description"]["Fn::Sub"])) - {*LONGEST}:
            definition = OF_ROOT[name]
            assert definition["Type"] == "Number" or "AllowedValues" in definition or name in HASH_NAMES.values()


# What no parameter says


def descriptions_with(data: Template, compute: Template | None = None) -> dict[str, str]:
    found = (compute or compute_module.build(data)).to_dict()["Resources"]
    return {title: found[f"{title}Version"]["Properties"]["Description"]["Fn::Sub"] for title in ALL}


def replaced_queue(data: Template) -> None:
    data.resources["OrderQueue"].QueueName = "another"


def replaced_topic(data: Template) -> None:
    data.resources["OrderEvents"].TopicName = "another"


def replaced_table(data: Template) -> None:
    data.resources["OrdersTable"].KeySchema[0].AttributeName = "another"


def renamed_table(data: Template) -> None:
    for output in data.outputs.values():
        text = str(output.to_dict()["Value"])
        if "'OrdersTable'" in text:
            output.Value = Ref("OrdersTableOfAnotherKind")
    data.resources["OrdersTableOfAnotherKind"] = data.resources["OrdersTable"]


def longer_retention(data: Template) -> None:
    data.resources["OrderQueue"].MessageRetentionPeriod = 60


@pytest.mark.parametrize(
    ("change", "published"),
    [
        (replaced_queue, {"OrdersIntake", "OrdersImport"}),
        (replaced_topic, {"OrdersEvents"}),
        (replaced_table, ALL - {"OrdersEvents"}),
        (renamed_table, ALL - {"OrdersEvents"}),
        (longer_retention, set()),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_resource_of_another_stack_publishes_its_users_if_it_is_replaced_and_only_then(change, published):
    data = data_module.build()
    before = descriptions_with(data)
    change(data)
    assert changed(before, descriptions_with(data)) == published


def test_a_function_has_the_hash_of_its_description_and_so_changes_with_it(compute):
    for title in ALL:
        variables = compute["Resources"][f"{title}Function"]["Properties"]["Environment"]["Variables"]
        _, _, digest, *_ = compute["Resources"][f"{title}Version"]["Properties"]["Description"]["Fn::Sub"].split()
        assert variables["CONFIGURATION_HASH"] == digest


@pytest.mark.parametrize("kind", versions.IDENTITY)
def test_a_resource_is_identified_by_the_properties_that_replace_it(kind):
    rules = schemas.immutable(kind)
    assert {pointer[0] for pointer in (*rules.certain, *rules.possible)} == {*versions.IDENTITY[kind]}


@pytest.mark.parametrize(
    ("name", "value", "publishes"),
    [
        ("MemorySize", 3008, True),
        ("Timeout", 7, True),
        ("Handler", "a.b", True),
        ("ReservedConcurrentExecutions", 7, False),
        ("Tags", [{"Key": "a", "Value": "b"}], False),
    ],
)
def test_a_property_publishes_its_function_unless_it_is_of_no_version(name, value, publishes):
    data = data_module.build()
    template = compute_module.build(data)
    function = template.resources["OrdersQueryFunction"]
    before = versions.definition(function, template, data)
    function.properties[name] = value
    after = versions.definition(function, template, data)
    assert (versions.description(before) != versions.description(after)) == publishes


# Who uses it


def test_every_function_has_a_version_and_an_alias_live_of_it(compute):
    assert len(of_type(compute, "Lambda::Version")) == len(of_type(compute, "Lambda::Alias")) == len(FUNCTIONS)
    for title in ALL:
        assert compute["Resources"][f"{title}Version"]["Properties"]["FunctionName"] == {"Ref": f"{title}Function"}
        assert compute["Resources"][f"{title}Alias"]["Properties"] == {
            "Name": "live",
            "FunctionName": {"Ref": f"{title}Function"},
            "FunctionVersion": {"Fn::GetAtt": [f"{title}Version", "Version"]},
        }


def test_a_version_is_kept_when_the_next_replaces_it_and_goes_with_its_function(compute):
    for version in of_type(compute, "Lambda::Version").values():
        assert (version["UpdateReplacePolicy"], version["DeletionPolicy"]) == ("Retain", "Delete")


def test_nothing_invokes_a_function_but_through_its_alias(templates):
    """Only its name is for others: in metrics and logs, all versions are one function."""
    compute = templates["compute"]
    functions = {*of_type(compute, "Lambda::Function")}
    names = {f"{title}Name" for title in ALL}
    for title, each in compute["Resources"].items():
        if each["Type"] in ("AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::Lambda::EventInvokeConfig"):
            continue
        if title == "ReleaseRole" or each["Type"] == "AWS::CloudWatch::Alarm":
            continue  # CodeDeploy moves the aliases and invokes nothing
        used = {
            str(value) for _, value in everywhere(each) if isinstance(value, dict) and {"Ref", "Fn::GetAtt"} & {*value}
        }
        assert not [function for function in functions if any(f"'{function}'" in text for text in used)], title
    for name, output in compute["Outputs"].items():
        assert (name in names) == (output["Value"].get("Ref") in functions), name
        assert name in names or output["Value"]["Ref"].endswith("Alias"), name
    for name in names:
        for title, each in templates["api"]["Resources"].items():
            assert name not in str(each), title


def test_a_rule_and_the_stage_wait_for_what_their_invocations_need(templates):
    """In an update, they invoke something else only when it may be invoked."""
    waits = templates["compute"]["Resources"]["OrderFilesRule"]["DependsOn"]
    assert {*waits} == {"OrderFilesRulePermission", "OrdersImportInvokeConfig"}
    permissions = {*of_type(templates["api"], "Lambda::Permission")}
    stage = templates["api"]["Resources"]["Stage"]
    assert permissions <= {*stage["DependsOn"], *names_used(stage["Metadata"])}
