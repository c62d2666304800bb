"""Every setting changes behaviour, and failures of SSM change no setting."""

import json
import time

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from botocore.parsers import ResponseParserError

from contract.settings import FEATURE_FLAGS, default_api_config
from handlers import clients, configuration, emf
from tests.unit.handlers.api import order
from tests.unit.handlers.conftest import put_parameters
from tests.unit.handlers.sessions import samples


@pytest.fixture
def clock(monkeypatch):
    """Moves time.time() on: clock(seconds)."""
    offset = [0.0]
    real = time.time
    monkeypatch.setattr("handlers.configuration.time.time", lambda: real() + offset[0])

    def move(seconds):
        offset[0] += seconds

    return move


@pytest.fixture
def calls(aws, monkeypatch):
    """The parameter names of each call to SSM; append an exception to `failures` to raise it."""
    made, failures = [], []
    real = clients.ssm().get_parameters

    def get_parameters(**request):
        made.append(len(request["Names"]))
        if failures:
            raise failures[-1]
        return real(**request)

    monkeypatch.setattr(clients.ssm(), "get_parameters", get_parameters)
    return made, failures


def test_both_documents_come_in_one_call_and_are_kept_for_five_minutes(calls, clock):
    made, _ = calls
    for _ in range(3):
        configuration.api_config()
        configuration.feature_flags()
    assert made == [2]
    put_parameters(api_config={"defaultPageSize": 7}, flags={"loyaltyProgram": True})
    clock(299)
    assert configuration.api_config()["defaultPageSize"] == 20
    clock(2)
    assert configuration.api_config()["defaultPageSize"] == 7
    assert configuration.feature_flags()["loyaltyProgram"] is True
    assert made == [2, 2]


def test_each_parameter_has_its_own_clock(calls, clock, monkeypatch):
    made, _ = calls
    monkeypatch.delenv("FEATURE_FLAGS_PARAMETER")
    configuration.api_config()
    clock(200)
    monkeypatch.setenv("FEATURE_FLAGS_PARAMETER", "/food-delivery/test/feature-flags")
    configuration.feature_flags()
    clock(150)
    configuration.api_config()
    configuration.feature_flags()
    assert made == [1, 1, 1]


@pytest.mark.parametrize(
    "failure",
    [
        ConnectTimeoutError(endpoint_url="x"),
        ResponseParserError("<html>"),
        ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetParameters"),
        ClientError({"Error": {"Code": "ThrottlingException"}}, "GetParameters"),
    ],
)
def test_a_cold_start_without_ssm_uses_defaults_with_every_flag_off(calls, clock, failure):
    made, failures = calls
    failures.append(failure)
    for _ in range(5):
        assert configuration.api_config() == default_api_config()
        assert set(configuration.feature_flags().values()) == {False}
    assert made == [2]  # and does not keep every request waiting
    clock(11)
    failures.clear()
    put_parameters(flags={"loyaltyProgram": True})
    assert configuration.feature_flags()["loyaltyProgram"] is True


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"defaultPageSize": 0}', "[" * 99_999])
def test_an_invalid_document_leaves_the_last_valid_value_in_use(calls, clock, text):
    put_parameters(api_config={"defaultPageSize": 7}, flags={"loyaltyProgram": True})
    configuration.api_config()
    put_parameters(api_config=text if len(text) < 4000 else "[" * 4000, flags={"expressDelivery": True})
    clock(301)
    assert configuration.api_config()["defaultPageSize"] == 7
    assert configuration.feature_flags()["expressDelivery"] is True  # the valid one is used


@pytest.mark.parametrize("unknown", [True, 50, -1, None, "text", {"percentage": 5}, [1]])
def test_a_key_of_a_later_version_is_ignored_and_the_rest_holds(configure, caplog, capsys, unknown):
    emf._documents.clear()
    configure({"defaultPageSize": 7, "planted-key": unknown}, {"expressDelivery": True, "planted-flag": unknown})
    assert configuration.api_config() == default_api_config() | {"defaultPageSize": 7}
    assert configuration.feature_flags() == dict.fromkeys(FEATURE_FLAGS, False) | {"expressDelivery": True}
    assert [(line.parameter, line.unknown_keys) for line in caplog.records] == [
        ("API_CONFIG_PARAMETER", 1),
        ("FEATURE_FLAGS_PARAMETER", 1),
    ]
    assert "planted" not in str([vars(line) for line in caplog.records])
    emf.flush()
    assert [each.values for each in samples([json.loads(capsys.readouterr().out)])] == [[1, 1]]


def test_an_unknown_key_excuses_no_bad_value(configure):
    configure({"defaultPageSize": 0, "later": 1}, {"expressDelivery": "on", "loyaltyProgram": True, "later": True})
    assert configuration.api_config() == default_api_config()
    assert set(configuration.feature_flags().values()) == {False}


def test_a_missing_parameter_is_a_failure_like_any_other(aws):
    clients.ssm().delete_parameter(Name="/food-delivery/test/api-config")
    assert configuration.api_config() == default_api_config()


def test_timeout_and_retries_shape_the_client(api, configure, aws):
    def settings():
        config = clients.dynamodb(*made[-1]).meta.config
        return config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]

    made = []
    real = clients.dynamodb
    api.get("x")
    configure(api_config={"defaultTimeout": 250, "retryAttempts": 0})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clients, "dynamodb", lambda *key: made.append(key) or real(*key))
        api.get("x")
    assert settings() == (0.25, 0.25, 1)
    assert real(250, 0) is real(250, 0)
    assert real(250, 1) is not real(250, 0)


def test_item_limit_follows_api_config(api, configure):
    configure(api_config={"maxItemsPerOrder": 1})
    assert api.post().details == ["items: must have at most 1 items"]


def test_an_unready_feature_is_422(api):
    answer = api.post(order(delivery="express", payments=[{"method": "card", "amount": 25.1}]))
    assert (answer.status, answer.code) == (422, "feature_disabled")
    assert len(answer.details) == 2
    assert api.post(order(delivery="standard")).status == 201


def test_payments_must_sum_to_the_total(api, configure):
    configure(flags={"multiplePayments": True})
    answer = api.post(order(payments=[{"method": "card", "amount": 25.09}]))
    assert (answer.code, answer.details) == ("payment_mismatch", ["payments: must sum to 25.10"])
    exact = [{"method": "card", "amount": 25}, {"method": "voucher", "amount": 0.1}]
    assert api.post(order(payments=exact)).status == 201


@pytest.mark.parametrize("setting, expected", [(True, 25), (100, 25), (False, None), (0, None)])
def test_loyalty_points_are_whole_units_of_the_total(api, configure, setting, expected):
    configure(flags={"loyaltyProgram": setting})
    assert api.post().body.get("loyaltyPoints") == expected
