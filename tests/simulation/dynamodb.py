"""The orders table, in memory: conditional writes, transactions, PartiQL's INSERT, queries, time to live.

A call takes effect in one step. test_dynamodb compares it with moto.
"""

import re
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from handlers import clients
from tests.simulation import expressions
from tests.simulation.expressions import Item, comparable

Key = tuple[str, int]
Change = Callable[[Item | None, Item | None], None]
# (kind of fault, number of writes) -> index of the write that it hits, None for none
Strike = Callable[[str, int], int | None]

INSERT = re.compile(r"INSERT INTO \"([\w.-]+)\" VALUE \{((?:'\w+': \?(?:, )?)+)\}")
# Those of the real client, whose classes the handlers catch.
EXCEPTIONS = clients.dynamodb(500, 3).exceptions
ITEM_BYTES, TRANSACTION_BYTES = 400 * 1024, 4 * 1024**2


def key_of(item: Item) -> Key:
    return item["orderId"]["S"], int(item["timestamp"]["N"])


class Table:
    """`on_change` is called with the old and the new item of each change; `strike` lets one write of a call fail."""

    def __init__(self, on_change: Change = lambda old, new: None, strike: Strike = lambda kind, n: None) -> None:
        self.items: dict[Key, Item] = {}
        self.on_change, self.strike = on_change, strike

    @property
    def operations(self) -> dict[str, Callable[..., Any]]:
        names = ("put_item", "get_item", "query", "update_item", "transact_write_items", "batch_execute_statement")
        return {name: getattr(self, name) for name in names}

    def put_item(self, **put: Any) -> dict:
        if self.strike("write conflict", 1) is not None:
            raise _error("TransactionConflictException", "PutItem")
        _check_size(put["Item"])
        self._check(put, key_of(put["Item"]), "PutItem")
        self._put(put["Item"])
        return {}

    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool = False) -> dict:
        item = self.items.get(key_of(Key))
        return {} if item is None else {"Item": {**item}}

    def query(self, **query: Any) -> dict:
        """Return the items of a partition in the sort key's order, of the table or of an index."""
        conditions = expressions.condition(query["KeyConditionExpression"])
        filtered = expressions.condition(query.get("FilterExpression", "attribute_exists(orderId)"))
        given = query.get("ExpressionAttributeNames", {}), query["ExpressionAttributeValues"]
        key = query["KeyConditionExpression"].split()[0]
        found = [item for item in self.items.values() if key in item and conditions(item, *given)]
        found.sort(key=lambda item: (int(item["timestamp"]["N"]), item["orderId"]["S"]))
        if not query.get("ScanIndexForward", True):
            found.reverse()
        if "ExclusiveStartKey" in query:
            start = key_of(query["ExclusiveStartKey"])
            found = found[next((n + 1 for n, item in enumerate(found) if key_of(item) == start), 0) :]
        page = found[: query.get("Limit", len(found))]
        answer: dict = {"Items": [{**item} for item in page if filtered(item, *given)]}
        if len(page) < len(found) or (page and len(page) == query.get("Limit")):
            names = ("orderId", "timestamp", *([key] if "IndexName" in query else []))
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in names}
        return answer

    def update_item(self, **update: Any) -> dict:
        if self.strike("write conflict", 1) is not None:
            raise _error("TransactionConflictException", "UpdateItem")
        key = key_of(update["Key"])
        self._check(update, key, "UpdateItem")
        given = update.get("ExpressionAttributeNames", {}), update["ExpressionAttributeValues"]
        after = expressions.update(update["UpdateExpression"], self.items.get(key, update["Key"]), *given)
        self._put(after)
        return {"Attributes": {**after}} if update.get("ReturnValues") == "ALL_NEW" else {}

    def transact_write_items(self, *, TransactItems: list[dict]) -> dict:
        puts = [each["Put"] for each in TransactItems]
        keys = [key_of(put["Item"]) for put in puts]
        if len(keys) > 100 or len(set(keys)) < len(keys) or _size(puts) > TRANSACTION_BYTES:
            raise _error("ValidationException", "TransactWriteItems")
        for put in puts:
            _check_size(put["Item"])
        reasons = [self._reason(put, key) for put, key in zip(puts, keys, strict=True)]
        for kind, code in (("write conflict", "TransactionConflict"), ("throttled write", "ThrottlingError")):
            struck = self.strike(kind, len(puts))
            if struck is not None:
                reasons[struck] = {"Code": code}
        if any(reason["Code"] != "None" for reason in reasons):
            raise _error("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)
        for put in puts:
            self._put(put["Item"])
        return {}

    def batch_execute_statement(self, *, Statements: list[dict]) -> dict:
        if not 0 < len(Statements) <= 25:
            raise _error("ValidationException", "BatchExecuteStatement")
        struck = {self.strike("write conflict", len(Statements)): "TransactionConflict"}
        struck |= {self.strike("throttled write", len(Statements)): "ThrottlingError"}
        return {"Responses": [self._insert(each, struck.get(number)) for number, each in enumerate(Statements)]}

    def expire(self, seconds: float) -> None:
        """Delete what is past its time to live."""
        for key, item in [*self.items.items()]:
            if "expiresAt" in item and int(item["expiresAt"]["N"]) < seconds:
                del self.items[key]
                self.on_change(item, None)

    def _insert(self, statement: dict, fault: str | None) -> dict:
        matched = INSERT.fullmatch(statement["Statement"])
        assert matched, "not an INSERT"
        table, attributes = matched.groups()
        item = dict(zip(re.findall(r"'(\w+)'", attributes), statement["Parameters"], strict=True))
        if fault is None and key_of(item) in self.items:
            fault = "DuplicateItem"
        if fault is not None:
            return {"Error": {"Code": fault, "Message": ""}, "TableName": table}
        self._put(item)
        return {"TableName": table}

    def _put(self, item: Item) -> None:
        key = key_of(item)
        old = self.items.get(key)
        self.items[key] = {**item}
        if old != item:
            self.on_change(old, self.items[key])

    def _check(self, write: dict, key: Key, operation: str) -> None:
        reason = self._reason(write, key)
        if reason["Code"] != "None":
            more = {"Item": reason["Item"]} if "Item" in reason else {}
            raise _error("ConditionalCheckFailedException", operation, **more)

    def _reason(self, write: dict, key: Key) -> dict:
        item = self.items.get(key)
        given = write.get("ExpressionAttributeNames", {}), write.get("ExpressionAttributeValues", {})
        text = write.get("ConditionExpression")
        if text is None or expressions.condition(text)(item or {}, *given):
            return {"Code": "None"}
        returned = write.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and item is not None
        return {"Code": "ConditionalCheckFailed"} | ({"Item": {**item}} if returned else {})  # type: ignore[dict-item]


def _size(document: object) -> int:
    return len(repr(document))


def _check_size(item: Item) -> None:
    if _size(item) > ITEM_BYTES or not item["orderId"]["S"]:
        raise _error("ValidationException", "PutItem")
    for attribute in item.values():
        comparable(attribute)


def _error(code: str, operation: str, **more: Any) -> ClientError:
    made = EXCEPTIONS.from_code(code)
    return made({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}, **more}, operation)
