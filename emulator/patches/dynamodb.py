"""DynamoDB: properties of tables, capacity metrics, PartiQL's INSERT, idempotent transactions."""

import json
from contextvars import ContextVar
from unittest.mock import ANY

from ministack.services import dynamodb

from emulator.patches.service_metrics import record
from emulator.registry import patch
from emulator.resources import completes, handler_of, insist, truth, validates

TABLE = "AWS::DynamoDB::Table"


@completes(TABLE, upstream="apply TimeToLiveSpecification of AWS::DynamoDB::Table")
def table_time_to_live(name, new, old):
    wanted, had = new.get("TimeToLiveSpecification"), old.get("TimeToLiveSpecification")
    if wanted == had:
        return
    specification = wanted or {**had, "Enabled": False}
    enabled = truth(specification.get("Enabled", True))
    if enabled != (dynamodb._ttl_settings.get(name) or {}).get("TimeToLiveStatus", "").startswith("ENABL"):
        wanted = {"AttributeName": specification["AttributeName"], "Enabled": enabled}
        insist(dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": wanted}), TABLE)


@completes(TABLE, upstream="apply PointInTimeRecoverySpecification of AWS::DynamoDB::Table")
def table_point_in_time_recovery(name, new, old):
    wanted = new.get("PointInTimeRecoverySpecification")
    if wanted != old.get("PointInTimeRecoverySpecification"):
        enabled = truth((wanted or {}).get("PointInTimeRecoveryEnabled", False))
        wanted = {"PointInTimeRecoveryEnabled": enabled}
        request = {"TableName": name, "PointInTimeRecoverySpecification": wanted}
        insist(dynamodb._update_continuous_backups(request), TABLE)


@completes(TABLE, upstream="apply SSESpecification of AWS::DynamoDB::Table at creation, as on update")
def table_encryption(name, new, old):
    wanted = new.get("SSESpecification")
    if wanted and not old:
        renamed = {("Enabled" if key == "SSEEnabled" else key): value for key, value in wanted.items()}
        insist(dynamodb._update_table({"TableName": name, "SSESpecification": renamed}), TABLE)


@patch(upstream="refuse to delete a protected table, and to create one that exists")
def table_deletion_protection() -> None:
    handler = handler_of(TABLE)
    delete = handler["delete"]

    def delete_unprotected(name, props):
        table = dynamodb._tables.get(name)
        if table and truth(table.get("DeletionProtectionEnabled", False)):
            insist(dynamodb._delete_table({"TableName": name}), TABLE)
        delete(name, props)

    def refuse_existing(logical_id, props, stack_name):
        if props.get("TableName") in dynamodb._tables:
            raise ValueError(f"Resource of type '{TABLE}' with identifier '{props['TableName']}' already exists.")
        return create(logical_id, props, stack_name)

    create = handler["create"]
    handler.update(create=refuse_existing, delete=delete_unprotected)


@completes(TABLE, upstream='read DeletionProtectionEnabled "false", a parameter\'s text, as a boolean')
def table_deletion_protection_text(name, new, old):
    table = dynamodb._tables[name]
    table["DeletionProtectionEnabled"] = truth(table.get("DeletionProtectionEnabled", False))


@validates(TABLE, upstream="refuse a table whose keys and AttributeDefinitions do not match")
def table_key_attributes(props):
    defined = {attribute["AttributeName"] for attribute in props.get("AttributeDefinitions") or []}
    schemas = [props.get("KeySchema") or []] + [
        index["KeySchema"]
        for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
        for index in props.get(kind) or []
    ]
    used = {key["AttributeName"] for schema in schemas for key in schema}
    if used != defined:
        raise ValueError(
            "One or more parameter values were invalid: Some AttributeDefinitions are not used or some index key "
            f"attributes are not defined. AttributeDefinitions: {sorted(defined)}, keys used: {sorted(used)}"
        )


@patch(upstream="record consumed and provisioned capacity")
def table_capacity_metrics() -> None:
    """Record both, for the table and each index, as upstream computes them for ReturnConsumedCapacity. AWS also
    records what is provisioned when nothing is consumed."""
    add, transact = dynamodb._add_consumed_capacity, dynamodb._transact_write_items

    def add_recorded(result, data, table_name, write=False, **more):
        counted: dict = {}
        add(counted, {**data, "ReturnConsumedCapacity": "INDEXES"}, table_name, write=write, **more)
        _record_capacity(counted["ConsumedCapacity"], "Write" if write else "Read")
        add(result, data, table_name, write=write, **more)

    def transact_recorded(data):
        wanted = data.get("ReturnConsumedCapacity", "NONE")
        status, headers, body = transact({**data, "ReturnConsumedCapacity": "INDEXES"})
        if status != 200:
            return status, headers, body
        answer = json.loads(body)
        for each in answer.get("ConsumedCapacity", []):
            direction = "Write" if "WriteCapacityUnits" in each else "Read"  # a repeated request only reads
            _record_capacity({**each, "Table": {"CapacityUnits": each[f"{direction}CapacityUnits"]}}, direction)
        if wanted == "INDEXES":
            return status, headers, body
        totals = [
            {key: value for key, value in each.items() if not key.endswith("Indexes")}
            for each in answer.pop("ConsumedCapacity", [])
        ]
        answer.update({"ConsumedCapacity": totals} if wanted == "TOTAL" and totals else {})
        return status, headers, json.dumps(answer, ensure_ascii=False).encode()

    dynamodb._add_consumed_capacity = add_recorded
    dynamodb._transact_write_items = transact_recorded


def _record_capacity(capacity: dict, direction: str) -> None:
    """Record what one operation consumed, of the table and of each index."""
    table = dynamodb._tables[dynamodb._normalize_table_name(capacity["TableName"])]
    dimensions = {"TableName": table["TableName"]}
    parts = [(dimensions, table, capacity["Table"])]
    for index in table.get("GlobalSecondaryIndexes") or []:
        if used := capacity.get("GlobalSecondaryIndexes", {}).get(index["IndexName"]):
            parts.append(({**dimensions, "GlobalSecondaryIndexName": index["IndexName"]}, index, used))
    for where, part, used in parts:
        if used["CapacityUnits"]:
            name = f"{direction}CapacityUnits"
            record("AWS/DynamoDB", f"Consumed{name}", used["CapacityUnits"], "Count", where)
            if provided := int((part.get("ProvisionedThroughput") or {}).get(name) or 0):
                record("AWS/DynamoDB", f"Provisioned{name}", provided, "Count", where)


@patch(upstream="write PartiQL's INSERTs as PutItem does: checks, stream record, consumed capacity")
def partiql_inserts() -> None:
    """Upstream stores the item, with no record in the stream, and counts one unit for it and its indexes."""
    batch = dynamodb._batch_execute_statement
    capacities: ContextVar[list[dict]] = ContextVar("capacities")

    def insert(table, parsed):
        put = {
            "TableName": table["TableName"],
            "Item": parsed["item"],
            "ConditionExpression": "attribute_not_exists(#key)",
            "ExpressionAttributeNames": {"#key": table["pk_name"]},
            "ReturnConsumedCapacity": "INDEXES",
        }
        status, headers, body = dynamodb._put_item(put)
        answer = json.loads(body)
        if status == 200:
            capacities.get([]).append(answer["ConsumedCapacity"])
            return dynamodb.json_response({"Items": []})
        if answer["__type"].endswith("ConditionalCheckFailedException"):
            message = "Duplicate primary key exists in table"
            return dynamodb.error_response_json("DuplicateItemException", message, 400)
        return status, headers, body

    def batch_counted(data):
        consumed: list[dict] = []
        token = capacities.set(consumed)
        status, headers, body = batch(data)
        capacities.reset(token)
        if not consumed or data.get("ReturnConsumedCapacity", "NONE") == "NONE":
            return status, headers, body
        return status, headers, json.dumps({**json.loads(body), "ConsumedCapacity": consumed}).encode()

    dynamodb._partiql_insert = insert
    dynamodb._batch_execute_statement = batch_counted


@patch(upstream="compare repeated transactions as written")
def transaction_token() -> None:
    """Upstream compares parsed requests: 4.80 becomes 4.8, so an equal payload with the same token mismatches."""
    upstream = dynamodb._transact_write_items

    def write(data):
        token = data.get("ClientRequestToken")
        if not isinstance(token, str):
            return upstream(data)
        written = json.dumps(data, sort_keys=True)
        if (prior := dynamodb._txn_token_lookup(token)) and "written" in prior:
            prior["signature"] = ANY if prior["written"] == written else None
        answer = upstream(data)
        if (stored := dynamodb._txn_token_lookup(token)) and "written" not in stored:
            stored["written"] = written
        return answer

    dynamodb._transact_write_items = write
