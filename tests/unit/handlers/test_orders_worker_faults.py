"""Failures of AWS or the worker in a batch, over moto: what can be stored is stored once, and only the rest is retried."""

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from handlers import bulk, orders_worker
from tests.unit.handlers.api import TABLE
from tests.unit.handlers.pipeline import CONTEXT, DOWN, message, platform_id, record


@pytest.mark.parametrize("failure", [*DOWN, RuntimeError("a bug")], ids=repr)
def test_with_dynamodb_down_every_message_stays_queued_and_is_stored_afterwards(pipeline, monkeypatch, failure):
    def fail(**request):
        raise failure

    batch = [record(message(f"ORD-{n}")) for n in range(3)] + [record(message(platform_id(n))) for n in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(pipeline.database, "batch_execute_statement", fail)
        patch.setattr(pipeline.database, "transact_write_items", fail)
        assert pipeline.work_on([*batch, record("{")]) == [0, 1, 2, 3, 4, 5]
    assert pipeline.items() == [] and pipeline.reasons() == ["invalid_request"]
    assert pipeline.work_on(batch) == []
    assert len(pipeline.orders()) == 6


def test_a_write_whose_response_was_lost_is_recognised_by_the_retry(pipeline, monkeypatch):
    def unheard(real):
        lost = [ReadTimeoutError(endpoint_url="x")]

        def call(**request):
            response = real(**request)
            if lost:
                raise lost.pop()
            return response

        return call

    batch = [message("ORD-1"), message("ORD-2"), message(platform_id(1))]
    with monkeypatch.context() as patch:
        for name in ("batch_execute_statement", "transact_write_items"):
            patch.setattr(pipeline.database, name, unheard(getattr(pipeline.database, name)))
        assert pipeline.work(*batch) == []
    before = pipeline.items()
    assert len(pipeline.orders()) == 3
    assert pipeline.work(*batch) == []
    assert pipeline.items() == before and pipeline.reasons() == []


@pytest.mark.parametrize("failure", DOWN, ids=repr)
def test_a_transient_failure_is_retried_without_going_back_to_the_queue(pipeline, monkeypatch, failure):
    def fails_three_times(real):
        failures = [failure] * 3

        def call(**request):
            if failures:
                raise failures.pop()
            return real(**request)

        return call

    with monkeypatch.context() as patch:
        for name in ("batch_execute_statement", "transact_write_items"):
            patch.setattr(pipeline.database, name, fails_three_times(getattr(pipeline.database, name)))
        assert pipeline.work(message("ORD-1"), message(platform_id(1))) == []
    assert len(pipeline.orders()) == 2


def test_a_process_killed_after_storing_does_nothing_twice(pipeline, monkeypatch):
    batch = [message("ORD-1"), "{", message("ORD-1", customerId="someone-else")]
    with monkeypatch.context() as patch:
        patch.setattr(orders_worker, "_reject", lambda batch: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pipeline.work(*batch)
    assert pipeline.work(*batch) == []
    assert pipeline.orders()["ORD-1"]["customerId"]["S"] == "CUST-12345"
    assert pipeline.reasons() == ["invalid_request", "order_conflict"]


def test_no_call_begins_after_the_deadline(pipeline, monkeypatch, calls):
    monkeypatch.setattr(CONTEXT, "get_remaining_time_in_millis", lambda: 0)
    assert pipeline.work(message("ORD-1"), message(platform_id(1)), "{") == [0, 1]
    assert calls == ["SendMessageBatch"]


def test_settings_that_cannot_be_read_stop_nothing(pipeline, monkeypatch):
    from handlers import clients

    monkeypatch.setattr(clients.ssm(), "get_parameters", lambda **request: {"Parameters": []})
    assert pipeline.work(message("ORD-1")) == []
    assert set(pipeline.orders()) == {"ORD-1"}


@pytest.fixture
def transactions(pipeline, monkeypatch):
    """Make transactions fail: set `.verdict`, a function of the order ids that may raise."""

    class Script:
        sizes: list[int] = []
        verdict = staticmethod(lambda ids: None)

        @staticmethod
        def cancel(codes):
            reasons = [{"Code": code} for code in codes]
            raise pipeline.database.exceptions.TransactionCanceledException(
                {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons},
                "TransactWriteItems",
            )

    script = Script()
    script.sizes = []
    real = pipeline.database.transact_write_items

    def transact_write_items(**request):
        ids = [put["Put"]["Item"]["orderId"]["S"] for put in request["TransactItems"]][::2]
        script.sizes.append(len(ids))
        script.verdict(ids)
        return real(**request)

    monkeypatch.setattr(pipeline.database, "transact_write_items", transact_write_items)
    return script


def test_a_conflict_cancels_the_transaction_once_and_the_others_are_stored_once(pipeline, transactions):
    pipeline.work(message("BAD"))
    transactions.sizes.clear()
    batch = [message(f"ORD-{n}") for n in range(9)] + [message("BAD", customerId="someone-else")]
    assert pipeline.work(*batch) == []
    assert transactions.sizes == [10, 9]
    assert len(pipeline.orders()) == 10 and pipeline.reasons() == ["order_conflict"]


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_an_order_in_a_conflict_is_tried_again_alone(pipeline, transactions, code):
    busy = ["ORD-3"] * 3

    def verdict(ids):
        if busy and busy[0] in ids:
            bad = busy.pop()
            transactions.cancel([c for each in ids for c in ([code, "None"] if each == bad else ["None", "None"])])

    transactions.verdict = verdict
    assert pipeline.work(*[message(f"ORD-{n}") for n in range(10)]) == []
    assert sorted(transactions.sizes) == [1, 1, 1, 9, 10]
    assert len(pipeline.orders()) == 10


def test_an_order_that_is_always_in_a_conflict_fails_alone(pipeline, transactions):
    def verdict(ids):
        if "ORD-3" in ids:
            transactions.cancel(
                [c for each in ids for c in (["TransactionConflict" if each == "ORD-3" else "None"] * 2)]
            )

    transactions.verdict = verdict
    assert pipeline.work(*[message(f"ORD-{n}") for n in range(10)]) == [3]
    assert len(pipeline.orders()) == 9
    assert len(transactions.sizes) == bulk.ROUNDS + 1


def invalid():
    return ClientError({"Error": {"Code": "ValidationException"}}, "TransactWriteItems")


@pytest.mark.parametrize("size", [1, 2, 10, 50, 60])
def test_an_order_that_cannot_be_written_is_found_and_fails_alone(pipeline, transactions, size):
    def verdict(ids):
        if "ORD-0" in ids:
            raise invalid()

    transactions.verdict = verdict
    assert pipeline.work(*[message(f"ORD-{n}") for n in range(size)]) == [0]
    assert len(pipeline.orders()) == size - 1
    assert len(transactions.sizes) <= 15


def test_a_cancellation_for_another_reason_fails_that_order_only(pipeline, transactions):
    def verdict(ids):
        if "ORD-1" in ids:
            transactions.cancel([c for each in ids for c in ("None", "ValidationError" if each == "ORD-1" else "None")])

    transactions.verdict = verdict
    assert pipeline.work(message("ORD-1"), message("ORD-2")) == [0]
    assert set(pipeline.orders()) == {"ORD-2"}


def test_every_order_of_a_throttled_table_gets_its_turn(pipeline, transactions):
    """A table with few write units refuses a transaction whose orders it accepts one by one."""
    transactions.verdict = lambda ids: transactions.cancel(["ThrottlingError"] * 2 * len(ids)) if len(ids) > 1 else None
    assert pipeline.work(*[message(f"ORD-{n}") for n in range(10)]) == []
    assert len(pipeline.orders()) == 10


def test_an_order_without_its_claim_is_still_never_overwritten(pipeline):
    pipeline.work(message("ORD-1"))
    key = {"orderId": {"S": "ORD-1"}, "timestamp": {"N": "0"}}
    pipeline.database.delete_item(TableName=TABLE, Key=key)
    assert pipeline.work(message("ORD-1"), message("ORD-2")) == []
    assert pipeline.work(message("ORD-1", customerId="someone-else")) == []
    assert pipeline.reasons() == ["order_conflict"]
    assert pipeline.orders()["ORD-1"]["customerId"]["S"] == "CUST-12345"
