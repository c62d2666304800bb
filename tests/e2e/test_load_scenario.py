"""The load test's scenario sends what the API takes. locust is in an environment of its own: a stand-in runs the tasks."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace

import httpx
import pytest

from tests.e2e.support import ROOT

pytestmark = pytest.mark.e2e

OUTPUTS = {"ApiUrl": "https://api.example.com/dev", "StageName": "dev", "ApiKey": "key"}


class Client:
    """locust's client: the names of what was sent, and what is wrong with the answers."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.sent: Counter[str] = Counter()
        self.failures: list[str] = []

    @contextmanager
    def request(self, method: str, path: str, *, name: str, catch_response: bool, **rest: object) -> Iterator[object]:
        answer = self.http.request(method, path, **rest)
        self.sent[f"{method} {name}"] += 1
        yield SimpleNamespace(
            status_code=answer.status_code, json=answer.json, success=lambda: None, failure=self.failures.append
        )


@pytest.fixture
def scenario(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[dict], ModuleType]:
    """Import the scenario for the outputs of a deployment."""
    event = SimpleNamespace(add_listener=lambda listener: listener)
    locust = ModuleType("locust")
    locust.FastHttpUser = object
    locust.events = SimpleNamespace(init=event, quitting=event)
    locust.task = lambda weight: weight if callable(weight) else lambda method: method
    monkeypatch.setitem(sys.modules, "locust", locust)
    monkeypatch.delenv("API_KEY", raising=False)

    def load(outputs: dict | None) -> ModuleType:
        file = tmp_path / "outputs.json"
        file.write_text("" if outputs is None else json.dumps(outputs))
        monkeypatch.setenv("OUTPUTS", str(file))
        spec = spec_from_file_location("scenario", ROOT / "benchmarks" / "load" / "scenario.py")
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def partner(module: ModuleType, http: httpx.Client) -> object:
    user = module.Partner()
    user.client = Client(http)
    user.wait_time = lambda: 0
    user.on_start()
    return user


def test_each_request_of_the_scenario_is_answered_as_it_expects(deployment, scenario):
    with httpx.Client(base_url=deployment.outputs["ApiUrl"], timeout=60, trust_env=False) as http:
        user = partner(scenario(deployment.outputs), http)
        for task in [user.change, user.read, user.list_orders, user.submit, user.place, *[user.change] * 5] * 2:
            task()
        assert user.client.failures == []
        assert set(user.client.sent) == {
            "POST /orders",
            "POST /orders/async",
            "GET /orders/{orderId}",
            "GET /orders/customer/{customerId}",
            "PUT /orders/{orderId}",
        }


@pytest.mark.parametrize(("status", "failure"), [(429, "throttled"), (503, "answered 503"), (202, "answered 202")])
def test_a_throttled_request_counts_apart_from_other_answers(scenario, status, failure):
    answers = httpx.MockTransport(lambda _: httpx.Response(status))
    with httpx.Client(base_url=OUTPUTS["ApiUrl"], transport=answers) as http:
        user = partner(scenario(OUTPUTS), http)
        user.place()
        assert (user.client.failures, user.orders) == ([failure], {})


def test_a_request_without_an_answer_says_why(scenario):
    module, failures = scenario(OUTPUTS), []

    @contextmanager
    def refused(*_: object, **__: object) -> Iterator[object]:
        yield SimpleNamespace(status_code=0, error=ConnectionRefusedError("refused"), failure=failures.append)

    user = module.Partner()
    user.client, user.orders = SimpleNamespace(request=refused), {}
    user.place()
    assert (failures, user.orders) == (["no answer: refused"], {})


def test_a_user_sends_at_a_random_moment_of_each_second(scenario, monkeypatch):
    module = scenario(OUTPUTS)
    monkeypatch.setattr(module.time, "monotonic", lambda: 100.0)
    user = module.Partner()
    user.second = 100.0
    waits = [user.wait_time() for _ in range(50)]
    assert [int(wait) for wait in waits] == list(range(50))
    assert len({wait % 1 for wait in waits}) > 40
    user.second = 90.0
    assert user.wait_time() == 0.0


def test_a_deployment_on_aws_is_warned_of_and_prod_and_missing_outputs_are_refused(scenario, capsys):
    scenario(OUTPUTS).warn()
    assert "billed" in capsys.readouterr().err
    scenario(OUTPUTS | {"EndpointUrl": "http://127.0.0.1:1"}).warn()
    assert capsys.readouterr().err == ""
    with pytest.raises(SystemExit, match="not in prod"):
        scenario(OUTPUTS | {"StageName": "prod"}).warn()
    with pytest.raises(SystemExit, match="outputs-file"):
        scenario(None)
    for other in ([], "text", {}, {"StageName": "dev", "ApiKey": "key"}):
        with pytest.raises(SystemExit, match="no outputs of a deployment"):
            scenario(other)
    with pytest.raises(SystemExit, match="API_KEY"):
        scenario({name: value for name, value in OUTPUTS.items() if name != "ApiKey"})


def test_only_certificates_that_the_session_trusts_are_taken(scenario):
    assert scenario(OUTPUTS).User.insecure is False
    with pytest.raises(FileNotFoundError):
        scenario({**OUTPUTS, "CaBundle": "absent.pem"}).User.ssl_context_factory()


@pytest.mark.parametrize(("sent", "code"), [(0, 1), (1, None)])
def test_a_run_that_sends_nothing_fails(scenario, sent, code):
    environment = SimpleNamespace(
        stats=SimpleNamespace(total=SimpleNamespace(num_requests=sent)), process_exit_code=None
    )
    scenario(OUTPUTS).fail_if_nothing_was_sent(environment)
    assert environment.process_exit_code == code
