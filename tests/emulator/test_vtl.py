"""The Velocity of preflights."""

import pytest

from emulator import vtl
from generator.cors import PREFLIGHT_TEMPLATE


def allowed(headers: dict[str, str], **stage_variables: str) -> str | None:
    context: dict = {}
    variables = {"input": {"params": {"header": headers}}, "context": context, "stageVariables": stage_variables}
    assert vtl.render(PREFLIGHT_TEMPLATE, variables) == ""
    return context.get("responseOverride", {}).get("header", {}).get("Access-Control-Allow-Origin")


def test_the_preflight_of_the_platform_compares_origins():
    assert allowed({"Origin": "https://b"}, allowedOrigin1="https://a", allowedOrigin2="https://b") == "https://b"
    assert allowed({"origin": "https://a"}, allowedOrigin1="https://a") == "https://a"
    assert allowed({"origin": "https://evil"}, allowedOrigin1="https://a") is None
    assert allowed({}, allowedOrigin1="none") is None
    assert allowed({"origin": "https://any"}, anyOrigin="true") == "*"


@pytest.mark.parametrize(
    ("condition", "branch"),
    [
        ("true", "yes"),
        ("false || $name", "yes"),
        ("!$missing && $name == 'a'", None),
        ('!$missing && $name != "b"', "yes"),
        ('$name == "b"', "no"),
        ('$empty == ""', "yes"),
        ("$empty", "yes"),  # Velocity 1: an empty text is true
    ],
)
def test_conditions(condition: str, branch: str | None):
    template = f"#if({condition})\nyes\n#else\nno\n#end\n"
    variables = {"name": "a", "empty": ""}
    if branch is None:
        with pytest.raises(vtl.VtlError, match="cannot read 'a'"):
            vtl.render(template, variables)
    else:
        assert vtl.render(template, variables).strip() == branch


def test_a_branch_that_is_not_taken_sets_nothing():
    variables: dict = {"name": "a"}
    nested = '#if($name == "b")\n#if(true)\n#set($x = "1")\n#end\n#elseif(true)\n$name ${name}\n#else\n#set($x = "2")\n#end\n'
    assert vtl.render(nested, variables) == "a a\n"
    assert "x" not in variables


@pytest.mark.parametrize(
    "template", ["#if(true)\n", "#end\n", "#foreach($a in $b)\n#end\n", "a #set($b = 1)\n", '$input.body("x")']
)
def test_what_the_emulator_does_not_implement_is_an_error(template: str):
    with pytest.raises(vtl.VtlError):
        vtl.render(template, {"input": {}})
