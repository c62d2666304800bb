"""Lines of the rendered templates, as a person's editor counts them."""

import pytest
import yaml

from deployer.plan import cfn_yaml
from deployer.plan.locations import Location, Sources, line_of
from generator.render import render

TEXT = """\
# a comment
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Metadata:
      KeySchema: not this one
    Properties:
      BillingMode: !If
        - Condition
        - PROVISIONED
        - PAY_PER_REQUEST
      KeySchema:
        - AttributeName: a
          KeyType: HASH
        - AttributeName: b
          KeyType: RANGE
  Other:
    Type: AWS::SQS::Queue
"""
ROOT = """\
Resources:
  DataStack:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: ./data.yaml
"""


@pytest.mark.parametrize(
    "path, line",
    [
        ("", 3),
        ("BillingMode", 8),
        ("KeySchema", 12),
        ("keySchema", 12),
        ("KeySchema/0", 13),
        ("KeySchema/1/KeyType", 16),
        ("KeySchema/7", 12),
        ("KeySchema/1/member/keyType", 15),
        ("BillingMode/Foo", 8),
        ("Foo", 3),
    ],
)
def test_the_line_is_that_of_the_deepest_part_that_is_there(path, line):
    assert line_of(yaml.compose(TEXT), "Table", path) == line


def test_a_resource_that_is_not_there_has_no_line():
    assert line_of(yaml.compose(TEXT), "Tables") is None
    assert line_of(yaml.compose("{}"), "Table") is None
    assert line_of(yaml.compose(TEXT), "Other", "Foo") == 17


RENDERED = render()


def test_every_resource_of_ours_is_found_on_the_line_that_names_it():
    sources = Sources(RENDERED)
    for stack, name in {"": "root", "DataStack": "data", "MonitoringStack": "monitoring"}.items():
        lines = RENDERED[name].splitlines()
        for logical_id in cfn_yaml.load(RENDERED[name])["Resources"]:
            assert lines[sources.find(stack, logical_id).line - 1] == f"  {logical_id}:"


def test_sources_know_the_template_the_line_and_the_function():
    found = Sources(RENDERED).find("DataStack", "OrdersTable", "KeySchema/0")
    text = RENDERED["data"].splitlines()
    assert found.template == "templates/data.yaml"
    assert "AttributeName: orderId" in text[found.line - 1]
    assert found.origin.startswith("generator/data.py:") and found.origin.endswith(" orders_table")
    assert str(found) == f"templates/data.yaml:{found.line}"


def test_the_root_and_its_stacks_are_found():
    sources = Sources(RENDERED)
    assert sources.find("", "DataStack").template == "templates/root.yaml"
    assert sources.template("ComputeStack") == "compute"
    assert "KeySchema" in sources.properties("DataStack", "OrdersTable")


def test_what_is_not_of_this_checkout_is_nowhere_and_nothing_is_rendered_for_it():
    sources = Sources({"root": ROOT, "data": TEXT})
    assert sources.find("OldStack", "Table") is None
    assert sources.find("DataStack", "Gone") is None
    assert sources.properties("OldStack", "Table") == {}
    assert "_origins" not in vars(sources)


def test_a_resource_that_the_generator_does_not_make_has_a_line_all_the_same():
    assert Sources({"root": ROOT, "data": TEXT}).find("DataStack", "Table") == Location("templates/data.yaml", 3)
