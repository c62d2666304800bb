"""Any orders, divided into messages and batches in any way, delivered again and through failures: stored once or rejected."""

import json
from unittest.mock import patch

from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.schemas import PRIORITIES
from domain import messages
from tests.unit.handlers.pipeline import message
from tests.unit.handlers.table_in_memory import TableInMemory

# More of one id are duplicates if all else is equal, conflicts if the customer is not.
GOOD = st.builds(
    lambda number, customer, priority: message(f"ORD-{number}", customerId=customer, priority=priority),
    st.integers(1, 12),
    st.sampled_from(["one", "two"]),
    st.sampled_from(PRIORITIES),
)
BAD = st.sampled_from([message("BAD-1", items=[]), message("BAD-2", customerId=7), message("BAD-3", timestamp=0)])
# Orders in a message, messages in a batch, deliveries of a batch.
SIZES = st.tuples(st.integers(1, 25), st.integers(1, 10), st.integers(1, 3))


class Faults:
    """Calls that fail now and then, and responses that are lost."""

    def __init__(self, table: TableInMemory, letters: list[dict], chance) -> None:
        self.table, self.letters, self.chance, self.left = table, letters, chance, 40
        table.on_call, table.on_return = self.on_call, self.on_return

    def strikes(self) -> bool:
        self.left -= 1
        return self.left > 0 and self.chance.random() < 0.3

    def on_return(self):
        if self.strikes():
            raise ReadTimeoutError(endpoint_url="x")

    def on_call(self, ids):
        if self.strikes():
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "TransactWriteItems")
        if self.strikes():
            hit = self.chance.choice(ids)
            self.table.cancel(
                [{"Code": "TransactionConflict" if each == hit else "None"} for each in ids for _ in "12"]
            )

    def send_message_batch(self, *, QueueUrl, Entries):
        refused = [entry for entry in Entries if self.strikes()]
        self.letters.extend(entry for entry in Entries if entry not in refused)
        self.on_return()
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries if entry not in refused]}


def divided(things, sizes):
    while things:
        size = next(sizes)
        yield things[:size]
        things = things[size:]


def delivered(pipeline, orders, draw):
    """Divide `orders` into messages and these into batches; deliver each batch, and again what fails."""
    bodies = [
        messages.write(group) for group in divided([json.dumps(each) for each in orders], (draw()[0] for _ in orders))
    ]
    for batch in divided(bodies, (draw()[1] for _ in bodies)):
        for _ in range(draw()[2]):
            failed = pipeline.work(*batch)
        while failed:
            batch = [batch[index] for index in failed]
            failed = pipeline.work(*batch)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(GOOD | BAD, max_size=80), st.lists(SIZES, min_size=1), st.randoms(use_true_random=False))
def test_each_order_is_stored_once_or_is_a_dead_letter_with_its_reason(pipeline, table, sent, sizes, chance):
    table.items, letters = {}, []
    faults = Faults(table, letters, chance)
    with patch.object(pipeline.sqs, "send_message_batch", faults.send_message_batch):
        delivered(pipeline, sent, lambda: chance.choice(sizes))

    stored = {order_id: item["customerId"]["S"] for order_id, item in table.orders().items()}
    assert set(stored) == {each["orderId"] for each in sent if each["orderId"].startswith("ORD")}
    assert len(table.items) == 2 * len(stored)  # each with its claim
    expected = {
        json.dumps({"format": 1, **each}): "invalid_request" if each["orderId"] not in stored else "order_conflict"
        for each in sent
        if stored.get(each["orderId"]) != each["customerId"]
    }
    rejected = {
        json.dumps(json.loads(letter["MessageBody"])): letter["MessageAttributes"]["rejectionReason"]["StringValue"]
        for letter in letters
    }
    assert rejected == expected
