"""The writes of a DynamoDB table in memory: moto copies its tables for a transaction, which takes a second for a batch."""

import threading


class TableInMemory:
    """Takes the place of a client's transact_write_items.

    Set `on_call`, called with the order ids, to make calls fail; `on_return` to lose responses.
    """

    def __init__(self, client) -> None:
        self.client = client
        self.items: dict[tuple[str, str], dict] = {}
        self.calls: list[int] = []  # orders in each
        self.on_call = lambda ids: None
        self.on_return = lambda: None
        self._lock = threading.Lock()

    def transact_write_items(self, *, TransactItems: list[dict]) -> None:
        with self._lock:
            puts = [each["Put"] for each in TransactItems]
            keys = [(put["Item"]["orderId"]["S"], put["Item"]["timestamp"]["N"]) for put in puts]
            assert len(set(keys)) == len(keys) <= 100
            assert {put["ConditionExpression"] for put in puts} == {"attribute_not_exists(orderId)"}
            self.calls.append(len(keys) // 2)
            self.on_call([order_id for order_id, _ in keys[::2]])
            if any(key in self.items for key in keys):
                self.cancel([self._reason(key) for key in keys])
            self.items |= dict(zip(keys, (put["Item"] for put in puts), strict=True))
            self.on_return()

    def _reason(self, key: tuple[str, str]) -> dict:
        if key in self.items:
            return {"Code": "ConditionalCheckFailed", "Item": self.items[key]}
        return {"Code": "None"}

    def cancel(self, reasons: list[dict]) -> None:
        """Raise what the client raises for a transaction that is cancelled."""
        raise self.client.exceptions.TransactionCanceledException(
            {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}, "TransactWriteItems"
        )

    def orders(self) -> dict[str, dict]:
        return {order_id: item for (order_id, timestamp), item in self.items.items() if timestamp != "0"}
