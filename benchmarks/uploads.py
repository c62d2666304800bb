"""Files of orders: their content, and the events of their upload."""

import gzip
import json
import time
import uuid
from collections.abc import Iterator

import boto3

from contract import imports


def order(number: int, prefix: str) -> dict:
    """Return a record that both importers take; the seed's stores everything that has an id."""
    return {
        "orderId": f"{prefix}-{number}",
        "customerId": f"CUST-{number % 50}",
        "items": [
            {"productId": "PIZZA", "quantity": 2, "price": 12.99},
            {"productId": "TEA", "quantity": 1, "price": 3},
        ],
        "deliveryAddress": {"street": "12 Harbour Road", "city": "Bristol", "zipCode": "BS1 4RN"},
    }


def json_file(orders: int, packed: bool = False) -> bytes:
    prefix = uuid.uuid4().hex[:8]
    content = json.dumps([order(n, prefix) for n in range(orders)]).encode()
    return gzip.compress(content) if packed else content


def csv_file(lines: int) -> bytes:
    """Return a file with as many orders as lines, of one item each."""
    prefix = uuid.uuid4().hex[:8]
    return "".join(_csv_lines(lines, prefix)).encode()


def _csv_lines(lines: int, prefix: str) -> Iterator[str]:
    yield "orderId,customerId,productId,quantity,price\n"
    for n in range(lines):
        yield f"{prefix}-{n},CUST-{n % 50},PIZZA,2,12.99\n"


def put(bucket: str, content: bytes, suffix: str = "json") -> tuple[str, str]:
    """Upload a file; return its key and its version."""
    key = f"{imports.UPLOAD_PREFIX}{uuid.uuid4()}.{suffix}"
    return key, boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=content)["VersionId"]


def event(bucket: str, key: str, version: str, size: int) -> dict:
    """Return EventBridge's event of the upload."""
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "detail": {
            "bucket": {"name": bucket},
            "object": {"key": key, "size": size, "etag": "", "version-id": version},
        },
    }
