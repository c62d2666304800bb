"""Previews: their names, and what they do not take over from the environment that they are like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import environment, previews
from config.environment import ConfigError, Environment, available, load
from costs.environments import tree
from deployer.plan.symbols import Symbols

MINIMAL = '[api]\nallowed_origins = ["*"]\n'
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,7}-[a-z0-9]{1,8}", fullmatch=True)


@given(st.integers(0, 10**12))
def test_every_pull_request_has_a_preview(number):
    assert previews.is_name(f"pr-{number}", available())
    assert load(f"pr-{number}", like="dev").name == f"pr-{number}"


@pytest.mark.parametrize(
    "name",
    [
        *("feature/login", "fix_1", "PR-1", "pr-1.2", "pr-", "-1", "1-pr", "pr--1", "pr-1-2", "pr 1", "pr-1\n", "é-1"),
        *("pr", "prod", "preview", "", "../dev-1", "dev-1", "prod-eu", "a-" + "b" * 19),
    ],
)
def test_what_is_no_name_is_refused_with_the_allowed_form(name):
    assert not previews.is_name(name, available())
    with pytest.raises(ConfigError) as refused:
        load(name, like="dev")
    expected = "prod.toml exists" if name == "prod" else "lower-case letters and digits, a hyphen"
    assert expected in str(refused.value)


@given(NAMES, NAMES)
def test_the_resources_of_an_environment_are_known_by_the_prefix_of_their_names(one, other):
    """food-delivery-pr-1- begins nothing of pr-1-2."""
    everyone = [name for name in {one, other} if previews.is_name(name, available())] + available()
    assert not [(a, b) for a in everyone for b in everyone if a != b and f"{b}-".startswith(f"{a}-")]


def test_a_name_is_compared_with_every_environment_that_has_a_file():
    assert not previews.is_name("pr-1", ["pr"])
    assert not previews.is_name("pr-1", ["pr-1-eu"])
    assert previews.is_name("pr-1", ["pr-12", "prx"])


def test_a_preview_has_the_settings_of_the_other_except_the_overrides():
    dev, preview = load("dev"), load("pr-1", like="dev")
    for section in Environment.model_fields:
        own = previews.OVERRIDES.get(section)
        if own:
            ours = getattr(dev, section).model_copy(update=dict(own))
            assert getattr(preview, section) == ours, section
        elif section not in ("name", *previews.DEFAULTS):
            assert getattr(preview, section) == getattr(dev, section), section


def test_a_preview_takes_nothing_that_accounts_have_few_of_and_reaches_nobody(tmp_path):
    (tmp_path / "test.toml").write_text(
        '[data]\nbilling_mode = "PROVISIONED"\n[functions]\ncommand_reserved_concurrency = 100\n'
        '[pipeline]\nevents_email = "a@b.example"\nevents_queue_arn = "arn:aws:sqs:us-east-1:123456789012:q"\n'
        '[monitoring]\nalert_email = "a@b.example"\n[release]\nmonitoring_minutes = 10\n'
        + MINIMAL
        + "waf_rate_limit = 100\n"
    )
    there = kinds(environment.load("test", tmp_path))
    assert {"AWS::XRay::ResourcePolicy", "AWS::CloudWatch::Dashboard", "AWS::WAFv2::WebACL"} <= there
    assert {"AWS::SNS::Subscription", "AWS::ApplicationAutoScaling::ScalableTarget"} <= there
    preview = environment.load("pr-1", tmp_path, like="test")
    assert there - kinds(preview) >= {
        "AWS::XRay::ResourcePolicy",
        "AWS::CloudWatch::Dashboard",
        "AWS::WAFv2::WebACL",
        "AWS::SNS::Subscription",
        "AWS::ApplicationAutoScaling::ScalableTarget",
    }
    assert preview.functions.command_reserved_concurrency == 0
    assert preview.release.monitoring_minutes == 0


def kinds(settings: Environment) -> set[str]:
    return set(Symbols(tree(settings)).types())


def test_account_and_region_are_those_of_the_other(tmp_path):
    (tmp_path / "test.toml").write_text(f'account = "123456789012"\nregion = "eu-west-1"\n{MINIMAL}')
    preview = environment.load("pr-1", tmp_path, like="test")
    assert (preview.account, preview.region) == ("123456789012", "eu-west-1")


def test_the_roles_of_previews_are_their_own_if_the_other_names_some(tmp_path):
    """Those of a pipeline know resources by the environment's name."""
    mine, theirs = (f"arn:aws:iam::123456789012:role/pipeline/{name}" for name in ("dev", "previews"))
    bounds = [arn.replace(":role/", ":policy/") for arn in (mine, theirs)]
    file = tmp_path / "test.toml"
    file.write_text(f'{MINIMAL}[deploy]\nrole_arn = "{mine}"\npermissions_boundary = "{bounds[0]}"\n')
    shared = environment.load("pr-1", tmp_path, like="test").deploy
    assert (shared.role_arn, shared.permissions_boundary) == (mine, bounds[0])
    more = f'preview_role_arn = "{theirs}"\npreview_permissions_boundary = "{bounds[1]}"\n'
    file.write_text(file.read_text() + more)
    own, others = environment.load("pr-1", tmp_path, like="test").deploy, environment.load("test", tmp_path).deploy
    assert (own.role_arn, own.permissions_boundary) == (theirs, bounds[1])
    assert (others.role_arn, others.permissions_boundary) == (mine, bounds[0])


def test_a_section_that_is_no_table_is_a_mistake_too(tmp_path):
    (tmp_path / "test.toml").write_text(f"data = 5\nrelease = 5\ndeploy = 5\n{MINIMAL}")
    with pytest.raises(ConfigError, match=r"test\.toml: data: "):
        environment.load("pr-1", tmp_path, like="test")


def test_a_mistake_in_the_other_names_its_file(tmp_path):
    (tmp_path / "test.toml").write_text(f"{MINIMAL}rate = 5\n")
    with pytest.raises(ConfigError, match=r"test\.toml: api\.rate: unknown key"):
        environment.load("pr-1", tmp_path, like="test")
    with pytest.raises(ConfigError, match="no environment 'tst'; did you mean test"):
        environment.load("pr-1", tmp_path, like="tst")
