"""What does not pass the API, as an AsyncAPI 3.0 document: events, messages of the order queue, files and reports.

An operation's action is the platform's: it sends events and reports, it receives messages and files. A message's headers
are the attributes of SNS and SQS.
"""

from contract import VERSION
from contract.dialects import without
from contract.documents import IMPORT_RECORD, ORDER_EVENT, ORDER_MESSAGE, ORDERS_MESSAGE
from contract.fields import ITEM_ALIASES
from contract.imports import (
    CSV_COLUMNS,
    IMPORT_REPORT,
    REJECTED_RECORD,
    REPORT_PREFIX,
    UPLOAD_PREFIX,
)
from contract.schemas import PRIORITIES, choice, closed_object
from generator import examples

_DESCRIPTION = """\
The other side of the orders API: what the platform announces, what waits on its queue, which files it imports.

Events, answers and reports may gain fields: ignore those that you do not know. Amounts have at most two decimals.
"""

_TEXT = {"type": "string", "minLength": 1}
_EVENT_ATTRIBUTES = ("eventType", "customerId", "status", "source", "partner")


def document() -> dict:
    """The whole document, ready to be written as JSON or YAML."""
    channels = {"orderEvents": _events(), "orderQueue": _queue(), "orderFiles": _files(), "importReports": _reports()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Food-delivery order events, messages and files",
            "version": VERSION,
            "description": _DESCRIPTION,
            "contact": {"name": "Platform engineering"},
            "license": {"name": "MIT", "url": "https://spdx.org/licenses/MIT.html"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            "announceOrder": _operation("send", "orderEvents", "Announce a stored order or its new status"),
            "storeOrder": _operation("receive", "orderQueue", "Store accepted orders"),
            "importFile": _operation("receive", "orderFiles", "Import a file of orders"),
            "reportImport": _operation("send", "importReports", "Report the result of an import"),
        },
        "components": {
            "schemas": {
                "OrderEvent": _schema(ORDER_EVENT),
                "AcceptedOrder": _schema(_order(ORDER_MESSAGE)),
                "ImportRecord": _schema(IMPORT_RECORD),
                "CsvRow": _csv_row(),
                "ImportReport": _schema(IMPORT_REPORT),
                "RejectedRecord": _schema(REJECTED_RECORD),
            },
            "securitySchemes": {
                "iam": {
                    "type": "http",
                    "scheme": "AWS4-HMAC-SHA256",
                    "description": "AWS Signature Version 4: an identity of IAM with the right",
                }
            },
        },
    }


def _operation(action: str, channel: str, summary: str) -> dict:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "security": [{"$ref": "#/components/securitySchemes/iam"}],
    }


def _message(title: str, payload: dict, samples: list[dict], **more) -> dict:
    return {"name": title, "title": title, **more, "payload": payload, "examples": samples}


def _reference(schema: str) -> dict:
    return {"$ref": f"#/components/schemas/{schema}"}


def _schema(schema: dict) -> dict:
    return without(schema, "$schema")


def _events() -> dict:
    properties = {name: _event_attribute(name) for name in _EVENT_ATTRIBUTES}
    required = [name for name in _EVENT_ATTRIBUTES if name in ORDER_EVENT["required"]]
    headers = {"type": "object", "required": required, "properties": properties}
    events = {
        event_type: _message(
            event_type,
            _reference("OrderEvent"),
            [each for each in examples.document()["events"] if each["payload"]["eventType"] == event_type],
            summary=summary,
            headers=headers,
        )
        for event_type, summary in (
            ("OrderCreated", "an order is stored"),
            ("OrderStatusChanged", "an order has another status"),
        )
    }
    return {
        "title": "the topic OrderEvents",
        "description": "An SNS topic, the stack's output OrderEventsTopicArn. Each stored change is announced at least"
        " once, with the same eventId each time; `version` orders the events of an order. The attributes are for filter"
        " policies.",
        "messages": events,
    }


def _event_attribute(name: str) -> dict:
    schema = ORDER_EVENT["properties"][name]  # type: ignore[index]
    return {**schema, "description": f"the event's {name}"} if "description" not in schema else schema


def _order(message: dict) -> dict:
    """Return the schema of an order among several, which has no format."""
    properties = {name: schema for name, schema in message["properties"].items() if name != "format"}
    return {**message, "title": "AcceptedOrder", "properties": properties}


def _queue() -> dict:
    order = _order(ORDER_MESSAGE)
    number: dict = ORDER_MESSAGE["properties"]["format"]
    alone = {
        version: _schema(
            {**order, "title": f"OrderMessage{version}", "properties": {"format": format_, **order["properties"]}}
        )
        for version, format_ in ((0, {**number, "maximum": 0}), (1, {**number, "minimum": 1, "maximum": 1}))
    }
    alone[1]["required"] = ["format", *alone[1]["required"]]
    orders = {**ORDERS_MESSAGE["properties"]["orders"], "items": _reference("AcceptedOrder")}
    several = _schema({**ORDERS_MESSAGE, "properties": {**ORDERS_MESSAGE["properties"], "orders": orders}})
    headers = {
        "type": "object",
        "properties": {
            "priority": choice(PRIORITIES),
            "source": ORDER_MESSAGE["properties"]["source"],
            "correlationId": {**_TEXT, "description": "of the request or the import that accepted the order"},
        },
    }
    given = examples.document()["messages"]
    return {
        "title": "the queue OrderQueue",
        "description": "An SQS queue inside the platform: accepted orders on their way to the table. Each released format"
        " stays readable, because messages outlive a deployment on the queue and in its dead-letter queue. A message of a"
        " newer format waits for a worker that reads it.",
        "messages": {
            "order0": _message("an order, format 0", alone[0], given[0:1], headers=headers),
            "order1": _message("an order, format 1", alone[1], given[1:2], headers=headers),
            "orders2": _message("several orders, format 2", several, given[2:3], headers=headers),
        },
    }


def _csv_row() -> dict:
    """Return the schema of a row: its item's columns, and the order's own, which may be blank after its first row."""

    def schema(name: str, parent: str) -> dict:
        field = IMPORT_RECORD["properties"]
        inner = field[parent].get("items", field[parent])["properties"] if parent else field
        return inner[name]

    columns = {column.name: schema(column.name, column.parent) for column in CSV_COLUMNS}
    aliases = {alias: columns[name] for alias, name in ITEM_ALIASES.items()}
    required = [column.name for column in CSV_COLUMNS if column.required]
    optional = {*ITEM_ALIASES.values()}
    names = [*ITEM_ALIASES.values(), *ITEM_ALIASES]
    return _schema(
        closed_object(
            {**columns, **aliases},
            [name for name in required if name not in optional],
            title="CsvRow",
            oneOf=[{"required": [name]} for name in names],
        )
    )


def _files() -> dict:
    record = _reference("ImportRecord")
    return {
        "address": f"{UPLOAD_PREFIX}{{file}}",
        "title": "the files of orders",
        "description": "Objects of the bucket UploadBucketName, an output of the stack; each may be gzipped. docs/importing.md"
        " has the rules.",
        "parameters": {"file": {"description": "any name; its extension says the format"}},
        "messages": {
            "json": _message(
                "a JSON array of orders",
                {"type": "array", "items": record},
                [{"name": "orders", "payload": examples.records("json")}],
                description="one order, or several one after the other, are accepted too",
            ),
            "jsonLines": _message(
                "a line of JSON Lines",
                record,
                [{"name": "order", "payload": each} for each in examples.records("jsonl")],
                contentType="application/x-ndjson",
                description="*.jsonl, *.ndjson: an order per line",
            ),
            "csv": _message(
                "a row of CSV",
                _reference("CsvRow"),
                [{"name": "row", "payload": each} for each in examples.records("csv")],
                contentType="text/csv",
                description="*.csv: a header row, then a row per item; the order's own cells may be blank after its first row",
            ),
        },
    }


def _reports() -> dict:
    return {
        "address": f"{REPORT_PREFIX}{{file}}",
        "title": "the reports of imports",
        "description": "Objects of the same bucket. A report is `reports/<key of the file>/<version>.json`; it names the JSON"
        " Lines files of rejected records.",
        "parameters": {"file": {"description": "the file's key and version id"}},
        "messages": {
            "report": _message("the report of a file", _reference("ImportReport"), examples.document()["reports"]),
            "rejected": _message(
                "a line of rejected records",
                _reference("RejectedRecord"),
                examples.document()["rejected"],
                contentType="application/x-ndjson",
            ),
        },
    }
