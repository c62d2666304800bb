"""What a change uploads: keys are hashes of the content, so only changed objects are new."""

from types import SimpleNamespace

import pytest

from config.environment import load
from deployer.artifacts.packaging import Package
from deployer.commands import desired_state
from deployer.preflight.account_state import AccountState
from generator.render import render

AWS = SimpleNamespace(region="us-east-1", template_host=lambda: "https://s3.us-east-1.amazonaws.com")
FACTS = AccountState("123456789012", "arn:aws:iam::123456789012:user/ana", None, True)


@pytest.fixture(scope="module")
def rendered():
    return render()


def desired(rendered, code=b"code", layer=b"layer", environment="dev"):
    packages = (Package("functions", code), Package("layer", layer))
    return desired_state.build(AWS, load(environment), rendered, packages, FACTS)


def test_a_change_of_code_alone_uploads_one_object_and_no_template(rendered):
    before, after = desired(rendered).objects(), desired(rendered, code=b"other code").objects()
    assert len(after) == len(before) == 7  # five templates, two packages
    assert [after[key] for key in after.keys() - before.keys()] == [b"other code"]


def test_a_change_of_a_childs_template_uploads_it_and_the_root_that_names_it(rendered):
    edited = dict(rendered) | {"data": rendered["data"].replace("QueueDLQ", "QueueDLQ2")}
    assert len(desired(edited).objects().keys() - desired(rendered).objects().keys()) == 2


def test_another_environment_uploads_nothing_of_its_own(rendered):
    assert desired(rendered, environment="prod").objects() == desired(rendered).objects()
