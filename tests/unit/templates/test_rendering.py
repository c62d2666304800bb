"""Rendering: the same bytes every time, pleasant to review, and checked against the checkout."""

import os
import re
import resource
import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from deployer.plan import cfn_yaml
from generator import __main__ as command
from generator import yaml_writer
from generator.render import render

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")) | st.just("\n"), max_size=200)
documents = st.dictionaries(
    texts.filter(lambda key: key not in ("Ref", "Condition") and not key.startswith("Fn::")),
    st.recursive(
        texts | st.integers() | st.booleans(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    ),
    max_size=4,
)


def test_rendering_twice_gives_the_same_bytes():
    assert render() == render()


def test_rendering_does_not_depend_on_the_hash_seed():
    def printed(seed: str) -> bytes:
        script = "from generator.__main__ import rendered_files; print(rendered_files())"
        return subprocess.run(
            [sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout

    assert printed("1") == printed("2")


def test_rendering_takes_a_few_times_as_long_as_its_imports():
    def seconds(*arguments: str) -> float:
        # Of the processor, not of the clock: other tests run at the same time. Of imports: a slow machine is slow at both.
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    imports = min(seconds("-c", "import generator.__main__") for _ in range(3))
    assert min(seconds("-m", "generator", "--check") for _ in range(3)) < 5 * imports


def test_the_checked_in_files_are_up_to_date(capsys):
    assert command.main(["--check"]) == 0, capsys.readouterr().out


def test_check_shows_what_differs_and_fails(tmp_path, capsys):
    assert command.main([], root=tmp_path) == 0
    changed = tmp_path / "templates/data.yaml"
    changed.write_text(changed.read_text().replace("customerIdIndex", "customerIndex"))
    (tmp_path / "docs/openapi.yaml").unlink()
    before = changed.read_text()

    assert command.main(["--check"], root=tmp_path) == 1

    shown = capsys.readouterr().out
    assert "-        - IndexName: customerIndex\n+        - IndexName: customerIdIndex\n" in shown
    assert "+openapi: 3.0.3\n" in shown
    assert changed.read_text() == before


def test_every_file_says_how_it_is_made():
    for text in command.rendered_files().values():
        assert "`python -m generator`" in text.splitlines()[0]


def test_no_line_hides_a_document_in_a_string(rendered):
    # A dashboard and an access log are strings for AWS; one line would be too long to review.
    for name, text in rendered.items():
        for number, line in enumerate(text.splitlines(), 1):
            assert len(line) <= 250, f"{name}.yaml:{number}"
            assert "\\n" not in line, f"{name}.yaml:{number}"


def test_no_anchor_or_alias_is_left_to_resolve(rendered):
    for text in rendered.values():
        assert not re.search(r"(^|\s)[&*]id\d+", text)


@given(documents)
def test_what_is_written_is_what_is_read(document):
    assert yaml.safe_load(yaml_writer.plain(document)) == document


@pytest.mark.parametrize(
    "intrinsic",
    [
        {"Ref": "AWS::Region"},
        {"Fn::GetAtt": ["Stack", "Outputs.Name"]},
        {"Fn::Sub": "a: ${B} #c"},
        {"Fn::Sub": "- {x}"},
        {"Fn::Sub": "two\nlines ${A}\n"},
        {"Fn::If": ["C", {"Ref": "X"}, ["y", {"Fn::Sub": "*"}]]},
        {"Fn::Select": [0, {"Fn::Split": [",", {"Ref": "L"}]}]},
    ],
)
def test_short_forms_read_back_as_the_intrinsics_they_stand_for(intrinsic):
    assert cfn_yaml.load(yaml_writer.plain({"a": intrinsic})) == {"a": intrinsic}
