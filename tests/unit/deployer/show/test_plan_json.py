"""The plan as JSON conforms to its published schema."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest

from deployer.show import plan_json
from tests.unit.deployer.show import plan_reports

SCHEMA = json.loads((Path(__file__).parents[4] / "docs" / "plan.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def written(report) -> dict:
    """As it leaves the process."""
    return json.loads(json.dumps(plan_json.as_json(report), allow_nan=False))


def test_the_schema_is_valid():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", plan_reports.ALL)
def test_real_plans_conform_to_the_schema(name):
    VALIDATOR.validate(written(plan_reports.ALL[name]()))


@pytest.mark.parametrize("name", plan_reports.ALL)
def test_the_schema_documents_every_key(name):
    """Every key that is written is described in the schema."""
    strict = copy.deepcopy(SCHEMA)
    for part in (strict, strict["$defs"]["change"], strict["$defs"]["difference"], strict["$defs"]["danger"]):
        part["additionalProperties"] = False
    jsonschema.Draft202012Validator(strict).validate(written(plan_reports.ALL[name]()))


@pytest.mark.parametrize("change", [{"version": 2}, {"account": 1}, {"changes": [{}]}, {"summary": {"add": -1}}])
def test_the_schema_rejects_other_documents(change):
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(written(plan_reports.report(plan_reports.MIXED)) | change)


def test_values_are_complete_and_markers_unambiguous():
    changes = {change["path"]: change for change in written(plan_reports.report(plan_reports.MIXED))["changes"]}
    assert changes["Setting"]["differences"] == [
        {
            "path": "Value",
            "attribute": "Properties",
            "replacement": "none",
            "before": {"$hidden": True},
            "after": {"$hidden": True},
        }
    ]
    [name, arn, *_] = changes["Data/Role"]["differences"]
    assert (name["before"], name["after"]) == ({"Ref": "Name"}, {"$knownAfterDeployment": "Name"})
    assert name["replacement"] == "possible" and arn["before"] == {"Fn::GetAtt": ["Orders", "Arn"]}
    _, added, removed = changes["Data/Orders"]["differences"]
    assert "before" not in added and "after" not in removed
    assert changes["Data/Orders"]["stateful"] and changes["Data/Orders"]["action"] == "replace"
    rewritten = json.dumps(written(plan_reports.rewritten()))
    assert "`|<>" * 200 in rewritten


def test_dangers_are_listed_with_whether_they_are_allowed():
    report = written(plan_reports.report(plan_reports.MIXED, {"Gone"}))
    assert {danger["path"]: (danger["action"], danger["allowed"]) for danger in report["dangers"]} == {
        "Data/Gone": ("remove", True),
        "Data/Orders": ("replace", False),
    }
    assert report["summary"] == {
        **{"add": 20, "modify": 2, "mayReplace": 1, "replace": 1, "remove": 1},
        "phantoms": 3,
    }
