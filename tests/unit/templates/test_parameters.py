"""A setting's parameter has the type, bounds, default and description of its field."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from config.environment import Environment
from config.parameters import Parameter, from_environment, settings
from generator import configuration_docs, parameters


class Example(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    count: Annotated[int, Parameter("Count")] = Field(5, ge=1, le=9)
    """How many"""

    share: Annotated[float, Parameter("Share")] = Field(0.5, ge=0.1)
    """Which part"""

    traced: Annotated[bool, Parameter("Traced")] = False
    """Whether it is traced"""

    level: Annotated[Literal["LOW", "HIGH"], Parameter("Level")] = "LOW"
    """How much"""

    email: Annotated[str, Parameter("Email", "an address")] = Field(pattern="^.+@.+$")
    """Whom to write to"""

    labels: Annotated[dict, Parameter("Labels", "an object", "^{.*}$", 99)] = Field(default_factory=dict)
    """What it is called"""


EXPECTED = {
    "Count": {"Type": "Number", "Description": "How many", "MinValue": 1, "MaxValue": 9, "Default": 5},
    "Share": {"Type": "Number", "Description": "Which part", "MinValue": 0.1, "Default": 0.5},
    "Traced": {
        "Type": "String",
        "Description": "Whether it is traced",
        "AllowedValues": ["true", "false"],
        "Default": "false",
    },
    "Level": {"Type": "String", "Description": "How much", "AllowedValues": ["LOW", "HIGH"], "Default": "LOW"},
    "Email": {
        "Type": "String",
        "Description": "Whom to write to",
        "AllowedPattern": "^.+@.+$",
        "ConstraintDescription": "an address",
    },
    "Labels": {
        "Type": "String",
        "Description": "What it is called",
        "AllowedPattern": "^{.*}$",
        "ConstraintDescription": "an object",
        "MaxLength": 99,
    },
}


@pytest.mark.parametrize("setting", settings(Example), ids=lambda setting: setting.key)
def test_a_parameter_has_what_its_field_says(setting):
    assert parameters.definition(setting, setting.parameter) == EXPECTED[setting.parameter.name]


@pytest.mark.parametrize(
    "setting",
    [each for each in settings(Environment) if each.parameter and "default" in each.schema],
    ids=lambda setting: setting.key,
)
def test_a_setting_that_is_left_out_has_the_value_of_its_parameters_default(root, setting):
    value = from_environment(Environment(name="test", api={"allowed_origins": ["*"]}))[setting.parameter.name]
    default = root["Parameters"][setting.parameter.name]["Default"]
    assert value == (f"{default:g}" if isinstance(default, float) else str(default))


def test_the_table_has_every_setting_with_its_parameter():
    listed = {row.key: row.parameter for row in configuration_docs.rows()}
    assert listed == {each.key: each.parameter.name if each.parameter else "" for each in settings(Environment)}


def test_every_row_has_a_type_and_a_description():
    assert [row.key for row in configuration_docs.rows() if not (row.type and row.description)] == []
