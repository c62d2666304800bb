"""`--outputs`: the stack's outputs, without the API key."""

import io
import json
from types import SimpleNamespace

import pytest

from deployer import connection
from deployer.commands import show_outputs
from deployer.options import Options
from deployer.show.ui import Ui

STACK = {
    "Outputs": [
        {"OutputKey": "ApiUrl", "OutputValue": "https://abc.execute-api.us-east-1.amazonaws.com/dev"},
        {"OutputKey": "ApiKeyId", "OutputValue": "k1"},
    ]
}


@pytest.fixture
def run(monkeypatch):
    def run(local, **options):
        gateway = SimpleNamespace(get_api_key=lambda **_: {"value": "secret"})
        url = "http://127.0.0.1:1" if local else None
        aws = SimpleNamespace(
            local=local,
            on_this_machine=local,
            endpoint_url=url,
            endpoint_of=lambda service: url,
            ca_bundle=None,
            client=lambda name: gateway,
        )
        monkeypatch.setattr(connection, "deployed", lambda *arguments: (aws, STACK))
        said = io.StringIO()
        report = show_outputs.run(Options("dev", local=local, **options), Ui(said), None)
        assert "secret" not in said.getvalue() + json.dumps(report)
        return report, said.getvalue()

    return run


def test_outputs_of_aws_are_those_of_the_stack_on_screen_in_the_report_and_in_the_file(run, tmp_path):
    file = tmp_path / "outputs.json"
    report, said = run(False, outputs_file=file)
    wanted = {each["OutputKey"]: each["OutputValue"] for each in STACK["Outputs"]}
    assert report == {"result": "listed", "outputs": wanted}
    assert all(f"{key}" in said and value in said for key, value in wanted.items())
    assert json.loads(file.read_text()) == wanted and file.stat().st_mode & 0o777 == 0o600


def test_local_outputs_work_on_this_machine_and_only_their_file_has_the_key(run, tmp_path):
    file = tmp_path / "outputs.json"
    report, _ = run(True, outputs_file=file)
    assert report["outputs"]["ApiUrl"] == "http://127.0.0.1:1/restapis/abc/dev/_user_request_"
    assert json.loads(file.read_text()) == {**report["outputs"], "ApiKey": "secret"}
