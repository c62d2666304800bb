"""The orders table. Only this module, `handlers.bulk` and `handlers.visibility` know DynamoDB.

Items are orders (`domain.orders.Order`) and claims (`domain.claims`, timestamp 0). Every write is conditional, so a
retry of the SDK, after a first attempt whose response was lost, cannot write twice, and is distinguished from a refusal.
"""

import os
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from botocore.exceptions import ClientError

from contract import shards
from domain.callers import Caller
from domain.claims import TIMESTAMP as CLAIM_TIMESTAMP
from domain.errors import OrderError
from domain.orders import Order, is_expired
from handlers import clients, faults, visibility
from handlers.attributes import from_item, to_attribute, to_item
from handlers.visibility import Position

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        BatchStatementRequestTypeDef,
        PutTypeDef,
        QueryInputTypeDef,
        TransactWriteItemTypeDef,
    )

TRANSACTION_ATTEMPTS = 6

# A filter removes items that a query has read, so one page may take several queries.
FILTERED_READ = 100
MAX_QUERIES = 10

# The opposite of `domain.orders.is_expired`, as DynamoDB's expression.
NOT_EXPIRED = "(attribute_not_exists(expiresAt) OR expiresAt >= :seconds)"

# Why DynamoDB cancels a transaction that may succeed in a moment.
RETRIABLE_REASONS = {"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}

Document = TypeVar("Document", Order, dict)


def orders_table(api_config: dict[str, int]) -> "OrdersTable":
    client = clients.dynamodb(api_config["defaultTimeout"], api_config["retryAttempts"])
    return OrdersTable(client, os.environ["TABLE_NAME"])


@dataclass(frozen=True)
class OrdersTable:
    """Methods raise botocore's exceptions unless they say otherwise."""

    client: "DynamoDBClient"
    name: str

    def insert(self, order: Order) -> None:
        """Store an order with an id of the platform."""
        try:
            self.client.put_item(**self.put_if_absent(order))
        except ClientError as error:
            if from_item(_refused_item(error)).get("fingerprint") != order["fingerprint"]:
                raise  # another order, not the SDK's retry of this one

    def insert_with_claim(self, order: Order, claim: dict) -> dict | None:
        """Store an order and its claim, both or neither.

        Returns None when stored, else the existing claim on the name. Raises OrderError("unavailable") while other
        requests keep writing under that name.
        """
        writes: list[TransactWriteItemTypeDef] = [
            {"Put": self._put_if_free(claim)},
            {"Put": self.put_if_absent(order)},
        ]
        for attempt in range(TRANSACTION_ATTEMPTS):
            try:
                self.client.transact_write_items(TransactItems=writes)  # the SDK adds a token for its retries
                return None
            except self.client.exceptions.TransactionCanceledException as error:
                reasons = error.response["CancellationReasons"]
                if reasons[0]["Code"] == "ConditionalCheckFailed":
                    holder = from_item(reasons[0]["Item"])
                    return None if holder.get("claimedOrderId") == order["orderId"] else holder
                if not {reason["Code"] for reason in reasons} <= RETRIABLE_REASONS:
                    raise
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter is no secret
        raise OrderError("unavailable")

    def claim(self, name: str) -> dict | None:
        """Return the claim on the name, None if there is none, with one read."""
        response = self.client.get_item(TableName=self.name, Key=_key(name, CLAIM_TIMESTAMP), ConsistentRead=True)
        return _unexpired(from_item(response["Item"])) if "Item" in response else None

    def get(self, order_id: str, timestamp: int | None, caller: Caller) -> Order | None:
        """Return the order, None if there is none that the caller sees, with one read."""
        if timestamp is not None:
            response = self.client.get_item(TableName=self.name, Key=_key(order_id, timestamp), ConsistentRead=True)
            items = [response["Item"]] if "Item" in response else []
        else:
            items = self.client.query(
                TableName=self.name,
                KeyConditionExpression="orderId = :id AND #timestamp > :claim",
                ExpressionAttributeNames={"#timestamp": "timestamp"},
                ExpressionAttributeValues=to_item({":id": order_id, ":claim": CLAIM_TIMESTAMP}),
                ScanIndexForward=False,
                Limit=1,
                ConsistentRead=True,
            )["Items"]
        return _seen(items[0], caller) if items else None

    def set_status(
        self,
        order_id: str,
        timestamp: int,
        status: str,
        *,
        caller: Caller,
        allowed_from: tuple[str, ...],
        versions: tuple[int, ...] | None,
        change_id: str,
        now: int,
        expires_at: int,
    ) -> tuple[bool, Order | None]:
        """Move an order that the caller sees to `status` if it is in one of the statuses and versions (None: any).

        If `change_id` is that of the order's latest change, this is a repetition, and a success.
        `now` (epoch ms) must not be before the order's latest change.
        Returns (True, the changed order) or (False, the unchanged one, None for one that is missing, past its time to
        live or not seen).
        """
        condition, operands = _among("#status", "from", allowed_from)
        condition += f" AND updatedAt <= :now AND {NOT_EXPIRED}"
        if versions is not None:
            version_condition, more = _among("version", "version", versions)
            condition, operands = f"{condition} AND {version_condition}", operands | more
        seen, more = visibility.condition(caller)
        condition, operands = f"{condition}{seen}", operands | more
        try:
            response = self.client.update_item(
                TableName=self.name,
                Key=_key(order_id, timestamp),
                UpdateExpression="SET #status = :status, version = version + :one,"
                " updatedAt = :now, expiresAt = :expires, changeId = :change",
                ConditionExpression=condition,
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=to_item(
                    {
                        ":status": status,
                        ":one": 1,
                        ":now": now,
                        ":seconds": now // 1000,
                        ":expires": expires_at,
                        ":change": change_id,
                        **operands,
                    }
                ),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            item = _refused_item(error)
            standing = _seen(item, caller) if item else None
            return standing is not None and standing.get("changeId") == change_id, standing
        return True, order_of(response["Attributes"])

    def page(
        self, caller: Caller, customer_id: str, size: int, after: Position | None, status: str | None
    ) -> tuple[list[Order], Position | None]:
        """Return up to `size` of a customer's orders that the caller sees, newest first, and where the next page starts.

        A page may be short, even empty, and still have a next one: after MAX_QUERIES the search stops, if few of many
        orders have `status` or most are past their time to live.
        """
        listing = visibility.listing(caller, customer_id)
        query = self._query(listing, size, after, status)
        started, after = after, after if after and after[0] else None
        found: list[Order] = []
        for _ in range(MAX_QUERIES):
            if after is not None:
                query["ExclusiveStartKey"] = {**_key(*after), listing.attribute: to_attribute(listing.value)}
            response = self.client.query(**query)
            found += map(order_of, response["Items"])
            if len(found) > size:
                return found[:size], (found[size - 1]["orderId"], found[size - 1]["timestamp"])
            if "LastEvaluatedKey" not in response:
                return found, None
            last = from_item(response["LastEvaluatedKey"])
            after = last["orderId"], last["timestamp"]
            query["Limit"] = max(size + 1, FILTERED_READ)
        return found, visibility.position(caller, after, found, started)

    def _query(
        self, listing: visibility.Listing, size: int, after: Position | None, status: str | None
    ) -> "QueryInputTypeDef":
        """Return the first query of a page."""
        key, condition, names = f"{listing.attribute} = :listed", f"{NOT_EXPIRED}{listing.condition}", {}
        values = {":listed": listing.value, ":seconds": _now() // 1000}
        limit = size + 1  # one more, to know whether there is a next page
        if after and not after[0]:
            key, names["#timestamp"], values[":latest"] = f"{key} AND #timestamp <= :latest", "timestamp", after[1]
        if status is not None:
            condition, names["#status"], values[":status"] = f"{condition} AND #status = :status", "status", status
            limit = max(limit, FILTERED_READ)
        query: QueryInputTypeDef = {
            "TableName": self.name,
            "IndexName": listing.index_name,
            "KeyConditionExpression": key,
            "FilterExpression": condition,
            "ExpressionAttributeValues": to_item(values),
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if names:
            query["ExpressionAttributeNames"] = names
        return query

    def put_if_absent(self, document: Mapping) -> "PutTypeDef":
        """Return the Put of an order or a claim, conditional on no item having its key."""
        return {
            "TableName": self.name,
            "Item": item_of(document),
            "ConditionExpression": "attribute_not_exists(orderId)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def insert_statement(self, order: Order) -> "BatchStatementRequestTypeDef":
        """Return PartiQL's INSERT of an order, which fails if an item has its key.

        Values are parameters: a log may keep the text of a statement.
        """
        item = item_of(order)
        attributes = ", ".join(f"'{name}': ?" for name in item)
        return {"Statement": f'INSERT INTO "{self.name}" VALUE {{{attributes}}}', "Parameters": list(item.values())}

    def _put_if_free(self, claim: Mapping) -> "PutTypeDef":
        """Return the Put of a claim, which may replace one past its time to live."""
        return {
            "TableName": self.name,
            "Item": to_item(claim),
            "ConditionExpression": "attribute_not_exists(orderId) OR expiresAt < :now",
            "ExpressionAttributeValues": to_item({":now": _now() // 1000}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }


def item_of(document: Mapping) -> dict:
    """Return the item of an order or a claim, with the keys of the indexes by day and by partner."""
    if "partner" in document:
        document = {
            **document,
            "partnerCustomer": visibility.partner_customer(document["partner"], document["customerId"]),
        }
    if "processedDate" in document:
        document = {**document, "processedDate": shards.shard_of(document["processedDate"], document["orderId"])}
    return to_item(document)


def order_of(item: Mapping) -> Order:
    """Return the order in an item, unchecked: only this platform writes to the table."""
    order = from_item(item)
    order.pop("partnerCustomer", None)
    if "processedDate" in order:
        order["processedDate"] = shards.date_of(order["processedDate"])
    return cast(Order, order)


def _unexpired(document: Document) -> Document | None:
    """Return `document`, or None if it is past its time to live: DynamoDB deletes it up to days later."""
    return None if is_expired(document, _now()) else document


def _seen(item: Mapping, caller: Caller) -> Order | None:
    """Return the order in an item, None if it is past its time to live or the caller does not see it."""
    order = _unexpired(order_of(item))
    return order if order is not None and caller.sees(order) else None


def _key(order_id: str, timestamp: int) -> dict:
    return to_item({"orderId": order_id, "timestamp": timestamp})


def _among(attribute: str, name: str, values: tuple) -> tuple[str, dict]:
    operands = {f":{name}{index}": value for index, value in enumerate(values)}
    return f"{attribute} IN ({', '.join(operands)})", operands


def _refused_item(error: ClientError) -> Any:
    """Return the item that failed a condition, {} for none. Raise `error` if it is another one."""
    if faults.code_of(error) != "ConditionalCheckFailedException":
        raise error
    return error.response.get("Item", {})


def _now() -> int:
    return time.time_ns() // 1_000_000
