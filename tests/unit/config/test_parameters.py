"""What makes a setting: a marker, a description and a parameter of its own. Each mistake names the setting."""

from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field

from config.environment import Environment
from config.parameters import DEPLOYER_ONLY, Parameter, from_environment, settings, text


class Documented(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Section(Documented):
    limit: Annotated[int, Parameter("Limit")] = Field(5, ge=1)
    """Most of it"""


class Complete(Documented):
    region: Annotated[str, DEPLOYER_ONLY]
    """Where it is"""

    section: Section = Section()


def test_a_section_gives_its_settings_their_keys_and_a_setting_its_schema():
    region, limit = settings(Complete)
    assert (region.key, region.parameter, region.required) == ("region", None, True)
    assert (limit.key, limit.parameter, limit.description) == ("section.limit", Parameter("Limit"), "Most of it")
    assert (limit.schema["type"], limit.schema["minimum"], limit.schema["default"]) == ("integer", 1, 5)


def test_only_settings_with_a_parameter_have_a_value():
    assert from_environment(Complete(region="here", section=Section(limit=7))) == {"Limit": "7"}


def test_a_setting_without_a_parameter_is_named():
    class Burst(Documented):
        burst: int = 1
        """How many at once"""

    class Incomplete(Documented):
        section: Burst = Burst()

    with pytest.raises(TypeError, match=r"section\.burst: annotate it with a Parameter"):
        settings(Incomplete)


def test_a_setting_without_a_description_is_named():
    class Incomplete(Documented):
        burst: Annotated[int, Parameter("Burst")] = 1

    with pytest.raises(TypeError, match="burst: describe it"):
        settings(Incomplete)


def test_two_settings_with_one_parameter_are_named():
    class Shared(Complete):
        burst: Annotated[int, Parameter("Limit")] = 1
        """How many at once"""

    with pytest.raises(TypeError, match=r"burst: Limit is the parameter of section\.limit"):
        settings(Shared)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (99.9, "99.9"),
        (1.0, "1"),
        ("", ""),
        (["https://a.example", "https://b.example"], "https://a.example,https://b.example"),
        ({"b": 1, "a": 2}, '{"a":2,"b":1}'),
    ],
)
def test_values_become_text_as_cloudformation_takes_it(value, expected):
    assert text(value) == expected


def test_every_setting_of_an_environment_is_complete():
    assert all(each.description for each in settings(Environment))
