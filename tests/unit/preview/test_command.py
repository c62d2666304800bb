"""`python -m preview`: what it takes, what it says, how it ends."""

import json
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

from emulator import control
from preview import __main__ as command
from preview import dashboard, local_run
from tests.unit.preview.support import COUNT, Tree, metric

NOW = 1_700_000_000.0


@pytest.fixture
def cloudwatch(monkeypatch):
    """A CloudWatch without dashboards, taken for the emulator's."""
    with mock_aws():
        client = boto3.client("cloudwatch", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        monkeypatch.setattr(
            local_run.control,
            "running",
            lambda directory: control.Emulator("http://127.0.0.1:1", 1, directory, 1, True, ""),
        )
        monkeypatch.setattr(
            local_run.session, "connect_local", lambda *_: SimpleNamespace(client=lambda service: client)
        )
        yield client


def put(client, *widgets) -> None:
    client.put_dashboard(DashboardName="food-delivery-staging", DashboardBody=json.dumps({"widgets": list(widgets)}))


def refused(capsys, *arguments) -> tuple[int, str]:
    """The exit code and the one line."""
    code = command.main([*arguments], NOW)
    said = capsys.readouterr()
    assert not said.out and said.err.count("\n") == 1 and said.err.startswith("preview: "), said
    return code, said.err


def test_the_page_is_written_and_counted(cloudwatch, tmp_path, capsys):
    put(cloudwatch, metric(COUNT), metric(["AWS/Lambda", "Errors"], title="errors"))
    datum = {"MetricName": "Errors", "Value": 1.0, "Timestamp": NOW - 600}
    cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=[datum])
    target = tmp_path / "page.html"
    assert command.main(["--local", "-o", str(target)], NOW) == 0
    assert capsys.readouterr().out == f"{target}: 2 widgets, 1 of 2 series with data\n"
    assert any("A point is 1 min" in text for text in Tree(target.read_text()).texts)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--minutes", "0"], "--minutes"),
        (["--minutes", "nan"], "--minutes"),
        (["--minutes", "100000"], "--minutes"),
        (["--env", "nowhere"], "nowhere"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_code_2(capsys, arguments, reason):
    code, line = refused(capsys, *arguments)
    assert code == 2 and reason in line


@pytest.mark.parametrize("arguments", [["--minutes", "often"], ["--unknown"], ["-o"]])
def test_arguments_that_cannot_be_parsed_are_one_line_as_well(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("preview: ") and said.count("\n") == 1


@pytest.mark.parametrize("place", ["", "nowhere/page.html"])
def test_a_place_that_cannot_be_written_is_exit_code_2(cloudwatch, tmp_path, capsys, place):
    put(cloudwatch)
    code, line = refused(capsys, "--local", "-o", str(tmp_path / place))
    assert code == 2 and "cannot be written" in line


def test_no_emulator_is_exit_code_3_and_none_is_started(capsys, tmp_path):
    directory = tmp_path / "state"
    code, line = refused(capsys, "--local", "--local-dir", str(directory), "-o", str(tmp_path / "page.html"))
    assert code == 3 and "no emulator running; make run" in line
    assert list(tmp_path.iterdir()) == []


def test_without_local_it_is_drawn_from_where_the_settings_of_the_sdk_lead(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://localhost:4566")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setattr(dashboard, "deployed", lambda client, name: "{}")
    monkeypatch.setattr(dashboard, "draw", lambda client, name, body, source, _: (client.meta.endpoint_url, source))
    assert command.run(command.parser().parse_args(["-o", str(tmp_path / "page")]), NOW).endswith(", not AWS")
    assert (tmp_path / "page").read_text() == "https://localhost:4566"


def test_no_dashboard_is_exit_code_3(cloudwatch, tmp_path, capsys):
    target = tmp_path / "page.html"
    code, line = refused(capsys, "--local", "-o", str(target))
    assert code == 3 and "there is no dashboard food-delivery-staging" in line
    assert not target.exists()


def test_every_alarm_is_asked_for_however_many_there_are(cloudwatch, tmp_path):
    arns = [f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:late-{place:03}" for place in range(120)]
    put(cloudwatch, {"type": "alarm", "properties": {"title": "alarms", "alarms": arns}})
    for arn in arns:
        name = arn.rpartition(":")[2]
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="N",
            MetricName="M",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
    target = tmp_path / "page.html"
    assert command.main(["--local", "-o", str(target)], NOW) == 0
    assert "no such alarm" not in target.read_text()


@pytest.mark.parametrize(
    ("minutes", "period"), [(30, 60), (60, 60), (180, 300), (24 * 60, 3600), (14 * 24 * 60, 21600)]
)
def test_the_window_has_whole_periods_and_not_too_many(minutes, period):
    window = dashboard.window_until(NOW, minutes)
    assert window.period == period and window.start % period == 0
    assert 0 <= NOW - minutes * 60 - window.start < period and NOW <= window.end < NOW + 60


def test_an_emulator_that_does_not_answer_is_no_missing_one(monkeypatch, capsys):
    monkeypatch.setattr(local_run.control, "running", lambda directory: None)
    monkeypatch.setattr(local_run.ownership, "in_use", lambda directory: True)
    code, said = refused(capsys, "--local")
    assert code == 6 and "does not answer" in said


def test_an_environment_without_a_dashboard_shows_the_one_that_its_template_declares(monkeypatch):
    arn = "arn:aws:cloudformation:us-east-1:123456789012:stack/food-delivery-dev-MonitoringStack/1"
    body = '{"widgets": [], "of": "${Environment} in ${AWS::Region} of ${AWS::AccountId}, ${AlertsTopic.TopicName}"}'
    template = {
        "Parameters": {"Environment": {"Type": "String"}},
        "Conditions": {"HasDashboard": {"Fn::Equals": ["a", "b"]}},
        "Resources": {"Dashboard": {"Condition": "HasDashboard", "Properties": {"DashboardBody": {"Fn::Sub": body}}}},
    }
    monkeypatch.setattr(dashboard.reading, "nested", lambda aws, stack: {"MonitoringStack": arn})
    monkeypatch.setattr(dashboard.reading, "template", lambda aws, stack: template)
    parameters = [{"ParameterKey": "Environment", "ParameterValue": "dev"}]
    monkeypatch.setattr(dashboard.reading, "describe", lambda aws, stack: {"Parameters": parameters})
    assert json.loads(dashboard.declared(SimpleNamespace(), {"StackId": "root"})) == {
        "widgets": [],
        "of": "dev in us-east-1 of 123456789012, ${AlertsTopic.TopicName}",
    }
