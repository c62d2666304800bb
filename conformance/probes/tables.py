"""What DynamoDB answers to the calls that store orders: on small tables of the probes' own."""

import secrets
import time
from typing import Any

from conformance import stackless
from conformance.account import Account
from conformance.probe import deploys, expect, holds
from conformance.refusals import refusal

ABSENT = "attribute_not_exists(id)"


def _item(key: str, **attributes: dict[str, str]) -> dict[str, Any]:
    return {"id": {"S": key}, **attributes}


@deploys("handlers/repository.py", "domain/claims.py")
def a_failed_condition_returns_the_item(account: Account, name: str) -> None:
    """A conditional put that fails returns the item that was there, if ALL_OLD is asked for: no read is needed."""
    table, dynamodb = stackless.table(account, "conditions"), account.client("dynamodb")
    dynamodb.put_item(TableName=table, Item=_item("a", total={"N": "4.80"}))
    refused = refusal(
        dynamodb.put_item,
        TableName=table,
        Item=_item("a"),
        ConditionExpression=ABSENT,
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    expect(refused["Error"]["Code"], "ConditionalCheckFailedException", "code")
    expect(refused.get("Item"), _item("a", total={"N": "4.8"}), "the item, its number without the last zero")


@deploys("handlers/repository.py", "handlers/bulk.py")
def a_cancelled_transaction_gives_each_reason(account: Account, name: str) -> None:
    """A cancelled transaction stores nothing, and has one reason for each item, with the item that was there."""
    table, dynamodb = stackless.table(account, "transactions"), account.client("dynamodb")
    dynamodb.put_item(TableName=table, Item=_item("b"))
    options = {"ConditionExpression": ABSENT, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    puts = [{"Put": {"TableName": table, "Item": _item(key), **options}} for key in "ab"]
    refused = refusal(dynamodb.transact_write_items, TransactItems=puts)
    expect(refused["Error"]["Code"], "TransactionCanceledException", "code")
    seen = [(reason["Code"], reason.get("Item")) for reason in refused["CancellationReasons"]]
    expect(seen, [("None", None), ("ConditionalCheckFailed", _item("b"))], "reasons")
    left = dynamodb.get_item(TableName=table, Key=_item("a"), ConsistentRead=True)
    expect(left.get("Item"), None, "the item of the other put")


@deploys("handlers/bulk.py")
def a_batch_of_statements_answers_200_when_all_fail(account: Account, name: str) -> None:
    """BatchExecuteStatement succeeds although each INSERT is a DuplicateItem, whose item it does not return."""
    table, dynamodb = stackless.table(account, "statements"), account.client("dynamodb")
    for key in "ab":
        dynamodb.put_item(TableName=table, Item=_item(key))
    text = f"INSERT INTO \"{table}\" VALUE {{'id': ?}}"
    answer = dynamodb.batch_execute_statement(
        Statements=[{"Statement": text, "Parameters": [{"S": key}]} for key in "ab"]
    )
    expect(answer["ResponseMetadata"]["HTTPStatusCode"], 200, "status")
    seen = [(each.get("Error", {}).get("Code"), each.get("Item")) for each in answer["Responses"]]
    expect(seen, [("DuplicateItem", None)] * 2, "error and item of each statement")


@deploys("handlers/bulk.py")
def a_batch_takes_25_statements_and_a_transaction_100(account: Account, name: str) -> None:
    """DynamoDB refuses 26 statements in a batch and 101 items in a transaction."""
    table, dynamodb = stackless.table(account, "limits"), account.client("dynamodb")
    text = f"INSERT INTO \"{table}\" VALUE {{'id': ?}}"
    statements = [{"Statement": text, "Parameters": [{"S": f"s{number}"}]} for number in range(26)]
    puts = [{"Put": {"TableName": table, "Item": _item(f"t{number}")}} for number in range(101)]
    dynamodb.batch_execute_statement(Statements=statements[:25])
    dynamodb.transact_write_items(TransactItems=puts[:100])
    for call, arguments in (
        (dynamodb.batch_execute_statement, {"Statements": statements}),
        (dynamodb.transact_write_items, {"TransactItems": puts}),
    ):
        expect(refusal(call, **arguments)["Error"]["Code"], "ValidationException", f"code of {call.__name__}")


@deploys("handlers/repository.py", "handlers/bulk.py")
def a_transaction_token_has_at_most_36_characters(account: Account, name: str) -> None:
    """ClientRequestToken takes a UUID and no more: a prefixed one is a ValidationException, so the SDK makes it."""
    table, dynamodb = stackless.table(account, "tokens"), account.client("dynamodb")
    put, token = {"Put": {"TableName": table, "Item": _item("a")}}, secrets.token_hex(18)
    dynamodb.transact_write_items(TransactItems=[put], ClientRequestToken=token)
    refused = refusal(dynamodb.transact_write_items, TransactItems=[put], ClientRequestToken=token + "0")
    expect(refused["Error"]["Code"], "ValidationException", "code of a token of 37 characters")


@deploys("contract/schemas.py", "contract/models.py")
def an_item_above_400_kb_is_refused(account: Account, name: str) -> None:
    """An item of 400 KB is stored, a larger one is a ValidationException: the contract's largest order is far below."""
    table, dynamodb = stackless.table(account, "sizes"), account.client("dynamodb")
    rest = 400 * 1024 - len("id") - len("a") - len("text")
    dynamodb.put_item(TableName=table, Item=_item("a", text={"S": "x" * rest}))
    refused = refusal(dynamodb.put_item, TableName=table, Item=_item("a", text={"S": "x" * (rest + 1)}))
    expect(refused["Error"]["Code"], "ValidationException", "code")


@deploys("domain/pricing.py", "handlers/attributes.py")
def a_number_has_at_most_38_digits(account: Account, name: str) -> None:
    """A number of 38 digits is stored exactly, one of 39 is refused, not rounded."""
    table, dynamodb = stackless.table(account, "numbers"), account.client("dynamodb")
    digits = "1234567890" * 4
    dynamodb.put_item(TableName=table, Item=_item("a", total={"N": digits[:38]}))
    stored = dynamodb.get_item(TableName=table, Key=_item("a"), ConsistentRead=True)["Item"]["total"]["N"]
    expect(stored, digits[:38], "the number read")
    refused = refusal(dynamodb.put_item, TableName=table, Item=_item("b", total={"N": digits[:39]}))
    expect(refused["Error"]["Code"], "ValidationException", "code of 39 digits")


@deploys("domain/claims.py", "handlers/repository.py")
def an_expired_item_is_there_until_it_is_deleted(account: Account, name: str) -> None:
    """TTL deletes within days: until then an expired item is read, and conditions see it, so expiry is compared."""
    table, dynamodb = stackless.table(account, "expired"), account.client("dynamodb")
    specification = {"AttributeName": "expiresAt", "Enabled": True}
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=specification)
    expired = {"N": str(int(time.time()) - 60)}
    dynamodb.put_item(TableName=table, Item=_item("a", expiresAt=expired))
    refused = refusal(dynamodb.put_item, TableName=table, Item=_item("a"), ConditionExpression=ABSENT)
    expect(refused["Error"]["Code"], "ConditionalCheckFailedException", "code of a put under the expired item's id")


@deploys("deployer/preflight/warm_throughput.py", "generator/data.py")
def a_warm_throughput_cannot_be_lowered(account: Account, name: str) -> None:
    """A table begins with a warm throughput that DescribeTable returns; UpdateTable refuses a lower value."""
    table, dynamodb = stackless.table(account, "warm"), account.client("dynamodb")
    warm = dynamodb.describe_table(TableName=table)["Table"].get("WarmThroughput", {})
    holds(warm.get("WriteUnitsPerSecond", 0) > 1, "a warm throughput above 1 write a second", warm)
    lower = {"ReadUnitsPerSecond": warm["ReadUnitsPerSecond"], "WriteUnitsPerSecond": 1}
    refused = refusal(dynamodb.update_table, TableName=table, WarmThroughput=lower)
    expect(refused["Error"]["Code"], "ValidationException", "code")
