"""A gradual release: whose requests shift gradually, what stops it, and what CodeDeploy may do."""

import copy

import pytest

from config import environment
from contract import metrics
from contract.routes import ROUTES
from generator.functions import BY_KEY, FUNCTIONS
from tests.unit.templates.given import metrics_of
from tests.unit.templates.support import evaluate, existing, of_type, root_parameters

ANSWERING = {BY_KEY[route.function].title for route in ROUTES}
GRADUAL = ("Canary10Percent5Minutes", "Linear10PercentEvery1Minute")
CANARY_SECONDS = 300
SEEN_AFTER = 120
"""Seconds until a metric of Lambda has arrived and an alarm on it has been evaluated, as a rule."""


def resources(compute: dict, shift: str) -> dict[str, dict]:
    return existing(compute, {**root_parameters("prod"), "Shift": shift})


def gradual_aliases(compute: dict, shift: str) -> dict[str, dict]:
    """Alias -> the application and the group that update it."""
    found = {}
    for title in of_type(compute, "Lambda::Alias"):
        given = compute["Resources"][title].get("UpdatePolicy", {})
        policy = evaluate(compute, given, {**root_parameters("prod"), "Shift": shift})
        if isinstance(policy, dict) and policy:
            found[title] = policy["CodeDeployLambdaAliasUpdate"]
    return found


def released(compute: dict, shift: str) -> dict[str, tuple[dict, dict]]:
    """Function -> its deployment group and the one alarm of that."""
    here, found = resources(compute, shift), {}
    for alias, policy in gradual_aliases(compute, shift).items():
        group = here[policy["DeploymentGroupName"]]["Properties"]
        (alarm,) = group["AlarmConfiguration"]["Alarms"]
        found[alias.removesuffix("Alias")] = (group, here[alarm["Name"]]["Properties"])
    return found


@pytest.mark.parametrize("shift", GRADUAL)
def test_requests_shift_gradually_exactly_where_a_function_answers_them(compute, shift):
    assert {*released(compute, shift)} == ANSWERING
    assert {function.title for function in FUNCTIONS} > ANSWERING


def test_all_at_once_there_is_no_codedeploy(compute):
    assert gradual_aliases(compute, "AllAtOnce") == {}
    left = resources(compute, "AllAtOnce")
    assert not [title for title, each in left.items() if "CodeDeploy" in each["Type"] or "Release" in title]


@pytest.mark.parametrize("shift", GRADUAL)
def test_a_group_shifts_as_the_setting_says_and_goes_back_by_itself(compute, shift):
    for group, _ in released(compute, shift).values():
        assert group["DeploymentConfigName"] == f"CodeDeployDefault.Lambda{shift}"
        assert group["AutoRollbackConfiguration"] == {
            "Enabled": True,
            "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"],
        }
        assert (group["AlarmConfiguration"]["Enabled"], group["ServiceRoleArn"]) == (True, "ReleaseRole.Arn")


def of_another_version(compute: dict) -> list[dict]:
    """Metrics in the alarms of groups that are not those of the function's new version alone."""
    found = []
    for title, (_, alarm) in released(compute, GRADUAL[0]).items():
        ours = {"Environment": "prod", "service": _name(title), "version": f"{title}Version.Version"}
        lambdas = {"FunctionName": f"{title}Function", "Resource": f"{title}Function:live"}
        lambdas["ExecutedVersion"] = f"{title}Version.Version"
        found += [each for each in metrics_of(alarm) if each["Dimensions"] not in (ours, lambdas)]
    return found


def _name(title: str) -> str:
    (function,) = (each for each in FUNCTIONS if each.title == title)
    return function.name


def test_a_group_has_only_an_alarm_of_the_new_version(compute):
    """An alarm of both versions would stop the release that ends an incident, and CloudFormation's way back."""
    assert of_another_version(compute) == []


def test_an_alarm_of_both_versions_is_named(compute):
    changed = copy.deepcopy(compute)
    query = changed["Resources"]["OrdersQueryReleaseAlarm"]["Properties"]["Metrics"][1]
    query["MetricStat"]["Metric"]["Dimensions"] = [{"Name": "FunctionName", "Value": {"Ref": "OrdersQueryFunction"}}]
    (named,) = of_another_version(changed)
    assert named["Dimensions"] == {"FunctionName": "OrdersQueryFunction"}


def test_the_alarm_sees_what_ends_an_invocation_and_what_is_answered_500(compute):
    for _, alarm in released(compute, GRADUAL[0]).values():
        watched = {(each["Namespace"], each["MetricName"]) for each in metrics_of(alarm)}
        assert watched == {
            ("AWS/Lambda", "Errors"),
            ("AWS/Lambda", "Invocations"),
            (metrics.NAMESPACE, "RequestFailed"),
        }


def test_every_metric_by_version_is_read_by_the_alarms_of_releases(compute):
    by_version = {name for name, each in metrics.METRICS.items() if "version" in each.dimensions}
    read = {each["MetricName"] for _, alarm in released(compute, GRADUAL[0]).values() for each in metrics_of(alarm)}
    assert by_version == {name for name in metrics.METRICS if name in read}
    assert all(metrics.METRICS[name].alarm for name in by_version)


def test_the_alarm_is_in_time_for_the_shortest_shift(compute):
    for _, alarm in released(compute, "Canary10Percent5Minutes").values():
        (period,) = {each["Period"] for each in metrics_of(alarm)}
        assert period * int(alarm["EvaluationPeriods"]) + SEEN_AFTER < CANARY_SECONDS
        assert (alarm["TreatMissingData"], "AlarmActions" in alarm) == ("notBreaching", False)


def test_prod_and_staging_release_gradually_and_dev_at_once():
    shifts = {name: environment.load(name).release.shift for name in environment.available()}
    assert shifts == {"dev": "AllAtOnce", "staging": "Canary10Percent5Minutes", "prod": "Canary10Percent5Minutes"}
