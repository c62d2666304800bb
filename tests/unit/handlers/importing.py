"""Fakes of S3, SQS and Lambda for the import, in memory: uploads in; messages, reports and continuations out."""

import io
import json
from collections import deque
from contextlib import ExitStack
from unittest.mock import patch

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from contract.imports import report_key
from contract.settings import default_api_config
from handlers import clients, configuration, orders_import
from handlers.attributes import to_item

BUCKET = "uploads"
KEY = "orders/2026/day 1.jsonl"
VERSION = "v-1"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders-import"
TIME = "2026-01-02T03:04:05Z"
UPLOADED_AT = 1_767_323_045_000
PLENTY = 900_000  # milliseconds


class Killed(BaseException):
    """The process is killed."""


def order(order_id: str = "ORD-1", **changes) -> dict:
    """Return a valid record with top-level fields replaced (None: removed)."""
    valid = {
        "orderId": order_id,
        "customerId": "CUST-1",
        "items": [{"productId": "ITEM-1", "quantity": 2, "price": 29.99}],
        **changes,
    }
    return {key: value for key, value in valid.items() if value is not None}


def jsonl(*records: object) -> bytes:
    """Return `records` as JSON Lines; bytes are unchanged."""
    return b"".join((each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n" for each in records)


def event(key: str = KEY, version: str | None = VERSION, **changes) -> dict:
    """Return EventBridge's event of an upload; `changes` are of detail.object (None: removed)."""
    uploaded = {"key": key, "size": 1, "etag": "abc", "version-id": version, "sequencer": "1", **changes}
    uploaded = {name: value for name, value in uploaded.items() if value is not None}
    return {
        "version": "0",
        "id": "event-1",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "time": TIME,
        "detail": {"version": "0", "bucket": {"name": BUCKET}, "object": uploaded, "reason": "PutObject"},
    }


def failure(code: str, operation: str = "Operation") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "secret"}}, operation)


class Context:
    """`records`: how many are read before the time is up; None: all."""

    def __init__(self, records: int | None = None, milliseconds: int = PLENTY, request_id: str = "request-1") -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = ARN
        self.records = records
        self.milliseconds = milliseconds
        self.asked = -1  # the first call asks for the time left

    def get_remaining_time_in_millis(self) -> int:
        self.asked += 1
        return 0 if self.records is not None and self.asked >= self.records > 0 else self.milliseconds


class World:
    """All three clients in one. Set `on_send`, `on_get`, `on_put` or `on_invoke` to make calls fail."""

    def __init__(self, body: bytes = b"", key: str = KEY, flags: dict | None = None, **api_config: int) -> None:
        self.objects = {(key, VERSION): body}
        self.bodies: list[str] = []  # of the messages on the queue
        self.entries: list[dict] = []
        self.sizes: list[int] = []  # of the calls to SQS
        self.payloads: deque[bytes] = deque()
        self.gets: list[dict] = []
        self.invocations = 0
        self.claims: dict[str, dict] = {}  # in the table, by orderId
        self.looked_up: list[str] = []
        self.on_send = self.on_get = self.on_put = self.on_invoke = lambda *arguments: None
        self._config = {**default_api_config(), **api_config}
        self._flags = flags or {}

    def __enter__(self) -> "World":
        self._patches = ExitStack()
        for module, name, replacement in (
            (clients, "s3", lambda: self),
            (clients, "sqs", lambda timeout, retries: self),
            (clients, "functions", lambda: self),
            (clients, "dynamodb", lambda timeout, retries: self),
            (configuration, "api_config", lambda: self._config),
            (configuration, "feature_flags", lambda: self._flags),
        ):
            self._patches.enter_context(patch.object(module, name, replacement))
        return self

    def __exit__(self, *exception: object) -> None:
        self._patches.close()

    # The clients.

    def get_object(self, *, Bucket: str, Key: str, Range: str, VersionId: str) -> dict:
        self.gets.append({"Range": Range, "VersionId": VersionId})
        first, last = map(int, Range.removeprefix("bytes=").split("-"))
        if (Key, VersionId) not in self.objects:
            raise failure("AccessDenied", "GetObject")
        body = self.objects[Key, VersionId]
        if first >= len(body):
            raise failure("InvalidRange", "GetObject")
        piece = body[first : last + 1]
        stream = self.on_get(first, piece) or StreamingBody(io.BytesIO(piece), len(piece))
        return {"Body": stream, "ContentRange": f"bytes {first}-{first + len(piece) - 1}/{len(body)}"}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:
        self.on_put(Key)
        self.objects[Key, None] = Body

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict]) -> dict:
        failed = self.on_send(Entries) or []
        ids = {each["Id"] for each in failed}
        taken = [entry for entry in Entries if entry["Id"] not in ids]
        self.sizes.append(len(Entries))
        self.entries += taken
        self.bodies += [entry["MessageBody"] for entry in taken]
        return {"Successful": [{"Id": entry["Id"]} for entry in taken], "Failed": failed}

    def get_item(self, *, TableName: str, Key: dict, ConsistentRead: bool) -> dict:
        assert (Key["timestamp"], ConsistentRead) == ({"N": "0"}, True)
        self.looked_up.append(Key["orderId"]["S"])
        claim = self.claims.get(Key["orderId"]["S"])
        return {"Item": to_item(claim)} if claim else {}

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict:
        assert (FunctionName, InvocationType) == (ARN, "Event") and len(Payload) < 256 * 1024
        self.payloads.append(Payload)
        self.on_invoke(Payload)
        return {"StatusCode": 202}

    # The driver.

    def run(self, given: dict | bytes | None = None, context: Context | None = None) -> None:
        """Run one invocation."""
        self.invocations += 1
        given = event() if given is None else json.loads(given) if isinstance(given, bytes) else given
        orders_import.handler(given, context or Context())

    def run_all(self, records: int | None = None, given: dict | None = None) -> dict:
        """Run the first invocation and its continuations, each reading `records`; return the report."""
        self.run(given, Context(records))
        while self.payloads:
            self.run(self.payloads.popleft(), Context(records, request_id="another"))
        return self.report()

    # The results.

    def report(self, key: str = KEY, version: str = VERSION) -> dict | None:
        body = self.objects.get((report_key(key, version), None))
        return None if body is None else json.loads(body)

    def rejected(self) -> list[dict]:
        """Return the lines of the files in the report, in order."""
        keys = self.report()["rejectedFiles"]
        return [json.loads(line) for key in keys for line in self.objects[key, None].splitlines()]

    def messages(self) -> list[dict]:
        return [json.loads(body) for body in self.bodies]

    def orders(self) -> list[dict]:
        """Return the orders of all messages, without the format of a message that is one order."""
        orders = [order for message in self.messages() for order in message.get("orders", [message])]
        return [{name: value for name, value in order.items() if name != "format"} for order in orders]

    def ids_by_message(self) -> list[list[str]]:
        return [[each["orderId"] for each in message.get("orders", [message])] for message in self.messages()]

    def queued_ids(self) -> list[str]:
        return [order["orderId"] for order in self.orders()]


def sqs_failure(entry: dict, code: str = "InternalError", sender: bool = False) -> dict:
    return {"Id": entry["Id"], "SenderFault": sender, "Code": code, "Message": "secret"}


def attribute_values(entry: dict) -> dict:
    return {name: value["StringValue"] for name, value in entry["MessageAttributes"].items()}
