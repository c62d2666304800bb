"""Relative template references become content-addressed ones, and nothing else changes."""

import pytest

from deployer.errors import Exit, Failure
from deployer.plan import cfn_yaml, templates

ROOT = """
Resources:
  DataStack:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: ./data.yaml
      Parameters: {Table: !Ref Name}
  ApiStack:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: "./api.yaml"
"""
CHILD = "Resources: {Topic: {Type: AWS::SNS::Topic}}\n"
RENDERED = {"root": ROOT, "data": CHILD, "api": CHILD + "# other\n"}
HOST = "https://storage.example"


def bundle(**changes):
    return templates.bundle({**RENDERED, **changes}, HOST, "bucket")


def test_every_url_is_the_address_of_its_content():
    made = bundle()
    urls = templates.child_urls(made.root)
    assert urls["DataStack"] == f"{HOST}/bucket/{templates.key_of(CHILD)}"
    assert made.bodies[urls["ApiStack"].removeprefix(f"{HOST}/bucket/")] == RENDERED["api"]
    assert made.root_url.endswith(made.root_key)
    assert made.bodies[made.root_key] == made.root_body
    assert len(made.bodies) == 3


def test_a_changed_child_changes_its_own_key_and_the_roots():
    before, after = bundle(), bundle(data=CHILD + "# changed\n")
    assert before.root_key != after.root_key
    assert templates.child_urls(before.root)["ApiStack"] == templates.child_urls(after.root)["ApiStack"]


def test_nothing_but_the_urls_is_rewritten():
    assert [line for line in bundle().root_body.splitlines() if "TemplateURL" not in line] == [
        line for line in ROOT.splitlines() if "TemplateURL" not in line
    ]


@pytest.mark.parametrize("url", ["./missing.yaml", "https://elsewhere.example/x.yaml"])
def test_a_reference_that_cannot_be_followed_is_refused(url):
    with pytest.raises(Failure) as failure:
        bundle(root=ROOT.replace("./data.yaml", url))
    assert failure.value.code is Exit.USAGE


def test_the_host_does_not_count_but_the_key_does():
    made = bundle()
    elsewhere = templates.bundle(RENDERED, "http://127.0.0.1:4566", "bucket")
    assert templates.same(elsewhere.root_body, made.root)
    assert not templates.same(bundle(data=CHILD + "#\n").root_body, made.root)
    assert not templates.same("not: [a template", made.root)


def test_parameters_take_their_defaults_and_must_fit():
    template = {"Parameters": {"A": {"Type": "String"}, "B": {"Type": "Number", "Default": 5}}}
    assert templates.parameter_values(template, {"A": "x"}) == {"A": "x", "B": "5"}
    with pytest.raises(Failure, match="does not declare C and requires A"):
        templates.parameter_values(template, {"C": "1"})


def test_short_forms_are_read_as_the_long_ones_and_dates_stay_strings():
    text = "{V: 2012-10-17, A: !Ref X, B: !GetAtt Y.Outputs.Z, C: !Sub 'a${X}', D: !If [C, !Ref A, !Join ['', [b]]], E: !Condition K}"
    assert cfn_yaml.load(text) == {
        "V": "2012-10-17",
        "A": {"Ref": "X"},
        "B": {"Fn::GetAtt": ["Y", "Outputs.Z"]},
        "C": {"Fn::Sub": "a${X}"},
        "D": {"Fn::If": ["C", {"Ref": "A"}, {"Fn::Join": ["", ["b"]]}]},
        "E": {"Condition": "K"},
    }
