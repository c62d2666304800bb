"""Idempotency-Key: the same key and body give the first response again."""

from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from handlers.repository import TRANSACTION_ATTEMPTS
from tests.unit.handlers.api import TABLE, order

KEY = {"Idempotency-Key": "3f1c-key"}


def claims(api):
    return [item for item in api.items() if item["timestamp"]["N"] == "0"]


def test_the_first_answer_comes_again_even_after_the_order_moved_on(api):
    first = api.post(headers=KEY)
    api.put(first.body["orderId"], "processing")
    again = api.post(headers={"idempotency-key": KEY["Idempotency-Key"]})
    assert (again.status, again.text) == (201, first.text)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert {again.headers[name] == first.headers[name] for name in ("Location", "ETag")} == {True}
    assert len(api.orders()) == len(claims(api)) == 1
    assert api.get(first.body["orderId"]).body["status"] == "processing"


def test_another_body_is_a_conflict(api):
    api.post(headers=KEY)
    answer = api.post(order(customerId="customer-2"), headers=KEY)
    assert (answer.status, answer.code) == (422, "idempotency_conflict")
    assert len(api.orders()) == 1


def test_the_same_order_written_differently_is_the_same_order(api):
    plain = '{"customerId":"c","items":[{"productId":"p","quantity":1,"price":10}],"deliveryAddress":{"street":"s","city":"c","zipCode":"1"}}'
    other = plain.replace('"price":10', '"price" : 10.00').replace('"c"', '"\\u0063"')
    first, again = api.post(plain, headers=KEY), api.post(other, headers=KEY)
    assert first.text == again.text


def test_api_keys_do_not_share_keys(api):
    ids = {api.post(headers=KEY, api_key_id=key).body["orderId"] for key in ("key-1", "key-2", None)}
    assert len(ids) == 3


def test_an_invalid_request_does_not_use_up_the_key(api):
    assert api.post({}, headers=KEY).status == 400
    assert api.post(headers=KEY).status == 201


def test_a_claim_is_free_again_once_expired_though_not_yet_deleted(api):
    first = api.post(headers=KEY)
    (claim,) = claims(api)
    assert int(claim["expiresAt"]["N"]) == first.body["timestamp"] // 1000 + 24 * 3600
    assert "3f1c-key" not in str(claim)
    api.database.put_item(TableName=TABLE, Item={**claim, "expiresAt": {"N": "1"}})
    again = api.post(order(customerId="customer-2"), headers=KEY)
    assert again.status == 201 and again.body["orderId"] != first.body["orderId"]


def test_a_claimed_order_that_was_deleted_is_404(api):
    body = api.post(headers=KEY).body
    key = {"orderId": {"S": body["orderId"]}, "timestamp": {"N": str(body["timestamp"])}}
    api.database.delete_item(TableName=TABLE, Key=key)
    answer = api.post(headers=KEY)
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "é", "a\n", "\x7f"])
def test_a_bad_key_is_400(api, key):
    assert (api.post(headers={"Idempotency-Key": key}).code, api.items()) == ("invalid_request", [])


@pytest.mark.parametrize("key", ["x", "!", "x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"'])
def test_a_valid_key_is_returned(api, key):
    assert api.post(headers={"Idempotency-Key": key}).status == 201


@pytest.fixture
def transactions(api, monkeypatch):
    """Make transact_write_items raise each of a list of cancellation reasons before the real call."""
    script, calls = [], []
    real = api.database.transact_write_items
    error = api.database.exceptions.TransactionCanceledException

    def transact_write_items(**request):
        calls.append(request)
        if script:
            reasons = [{"Code": code} for code in script.pop(0)]
            raise error({"Error": {"Code": "x"}, "CancellationReasons": reasons}, "TransactWriteItems")
        return real(**request)

    monkeypatch.setattr(api.database, "transact_write_items", transact_write_items)
    return SimpleNamespace(script=script, calls=calls)


def test_a_conflict_with_another_transaction_is_tried_again(api, transactions):
    transactions.script += [("TransactionConflict", "None")] * 3
    answer = api.post(headers=KEY)
    assert answer.status == 201
    assert len(transactions.calls) == 4
    # DynamoDB refuses a token of more than 36 characters, which moto does not: an orderId has 39.
    assert all(len(call.get("ClientRequestToken", "")) <= 36 for call in transactions.calls)


def test_a_lasting_conflict_is_503_with_retry_after(api, transactions):
    transactions.script += [("TransactionConflict", "None")] * 99
    answer = api.post(headers=KEY)
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "unavailable", "1")
    assert len(transactions.calls) == TRANSACTION_ATTEMPTS


def test_a_transaction_that_can_never_succeed_is_not_repeated(api, transactions):
    transactions.script += [("None", "ValidationError")] * 99
    assert api.post(headers=KEY).status == 500
    assert len(transactions.calls) == 1


def test_a_transaction_repeated_after_it_had_succeeded_is_a_success(api, monkeypatch):
    real = api.database.transact_write_items

    def twice(**request):
        real(**request)
        # With another token the repetition finds its own claim.
        return real(**request)

    monkeypatch.setattr(api.database, "transact_write_items", twice)
    answer = api.post(headers=KEY)
    assert answer.status == 201 and "Idempotency-Replayed" not in answer.headers
    assert len(api.orders()) == 1


def test_a_put_repeated_after_it_had_succeeded_is_a_success(api, monkeypatch):
    real = api.database.put_item

    def twice(**request):
        real(**request)
        return real(**request)

    monkeypatch.setattr(api.database, "put_item", twice)
    assert api.post().status == 201
    assert len(api.orders()) == 1


def test_an_order_of_another_under_the_same_key_is_never_overwritten(api, monkeypatch):
    monkeypatch.setattr("secrets.randbits", lambda bits: 0)
    monkeypatch.setattr("handlers.orders_command._now", lambda: 4_000_000_000_000)
    first = api.post()
    assert api.post(order(customerId="customer-2")).status == 500
    assert api.get(first.body["orderId"]).text == first.text


def test_an_update_repeated_after_it_had_succeeded_is_a_success(api, monkeypatch):
    placed = api.post().body
    real = api.database.update_item

    def twice(**request):
        real(**request)
        return real(**request)

    monkeypatch.setattr(api.database, "update_item", twice)
    answer = api.put(placed["orderId"], "processing", if_match='"1"')
    assert (answer.status, answer.body["version"]) == (200, 2)


def test_the_faster_of_two_requests_wins(api, monkeypatch):
    placed = api.post().body
    real = api.database.update_item

    def overtaken(**request):
        monkeypatch.setattr(api.database, "update_item", real)
        assert api.put(placed["orderId"], "processing").status == 200
        return real(**request)

    monkeypatch.setattr(api.database, "update_item", overtaken)
    assert api.put(placed["orderId"], "processing", if_match='"1"').code == "version_mismatch"
    assert api.get(placed["orderId"]).body["version"] == 2


def test_a_change_repeated_under_its_key_is_a_success_though_the_version_has_moved(api):
    path = api.post().body["orderId"]

    def put(status, key=None, **options):
        return api.put(path, status, headers={"Idempotency-Key": key} if key else {}, **options)

    first = put("processing", "k1", if_match='"1"')
    assert put("processing", "k1", if_match='"1"').text == first.text
    # No other client's change, and no other change under the same key.
    assert put("processing", "k2", if_match='"1"').code == "version_mismatch"
    assert put("processing", if_match='"1"').code == "version_mismatch"
    assert put("processing", "k1", if_match='"1"', api_key_id="another").code == "version_mismatch"
    assert put("cancelled", "k1", if_match='"1"').code == "version_mismatch"
    assert put("out_for_delivery", "k1", if_match='"2"').body["version"] == 3
    assert put("processing", "k1", if_match='"1"').code == "version_mismatch"  # no longer the latest
    assert put("delivered", "bad key").code == "invalid_request"
    assert api.get(path).body["version"] == 3


def test_other_client_errors_are_not_taken_for_refusals(api, monkeypatch):
    def denied(**request):
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "PutItem")

    monkeypatch.setattr(api.database, "put_item", denied)
    assert api.post().code == "internal_error"


@pytest.mark.parametrize("headers", [{"Idempotency-Key": ["a", "b"]}, {"Idempotency-Key": "a", "idempotency-key": "b"}])
def test_two_keys_are_refused_and_none_is_ignored(api, queues, headers):
    placed = api.post().body["orderId"]
    for answer in (
        api.post(headers=headers),
        api.submit(order(), headers=headers),
        api.put(placed, "processing", headers=headers),
    ):
        assert (answer.code, answer.details) == (
            "invalid_request",
            ["Idempotency-Key: must be 1 to 255 visible ASCII characters"],
        )
    assert len(api.orders()) == 1


def test_the_same_key_twice_is_that_key(api):
    first = api.post(headers={"Idempotency-Key": "a"})
    again = api.post(headers={"Idempotency-Key": ["a", "a"], "idempotency-key": "a"})
    assert again.headers["Idempotency-Replayed"] == "true" and again.text == first.text


def test_tags_on_several_lines_are_one_list(api):
    placed = api.post().body["orderId"]
    assert api.put(placed, "processing", headers={"If-Match": ['"1"', '"7"']}).status == 200
    assert api.put(placed, "out_for_delivery", headers={"If-Match": ['"1"', '"7"']}).code == "version_mismatch"
