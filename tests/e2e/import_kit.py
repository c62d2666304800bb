"""Driving the bulk import: files into the bucket, reports out of it, and what came of them in the table."""

import csv
import gzip
import io
import json
import time
import uuid
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from contract import imports, shards
from tests.e2e.support import Deployment, reconfigured
from tests.waiting import eventually


def order(order_id: str, **fields) -> dict:
    """A record that is good."""
    return {
        "orderId": order_id,
        "customerId": "CUST-1",
        "items": [{"productId": "PIZZA", "quantity": 2, "price": 12.99}],
        "deliveryAddress": {"street": "12 Harbour Road", "city": "Bristol", "zipCode": "BS1 4RN"},
        **fields,
    }


def orders(number: int) -> list[dict]:
    """So many good records with ids of their own, of fifty customers."""
    prefix = f"IMP-{uuid.uuid4().hex[:8]}"
    return [order(f"{prefix}-{n}", customerId=f"CUST-{n % 50}") for n in range(number)]


def as_json(records: list[dict]) -> bytes:
    return json.dumps(records, indent=1).encode()


def as_jsonl(records: list[dict]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def as_csv(records: list[dict]) -> bytes:
    text = io.StringIO()
    columns = [*imports.CSV_REQUIRED, "street", "city", "zipCode"]
    rows = csv.DictWriter(text, columns, extrasaction="ignore")
    rows.writeheader()
    for record in records:
        for item in record["items"]:
            rows.writerow({**record, **item, **record["deliveryAddress"]})
    return text.getvalue().encode()


def zipped(content: bytes) -> bytes:
    return gzip.compress(content, 1, mtime=0)


@dataclass(frozen=True, eq=False)
class Uploaded:
    """A version of a file in the upload bucket."""

    deployment: Deployment
    key: str
    version: str

    @property
    def bucket(self) -> str:
        return self.deployment.outputs["UploadBucketName"]

    @property
    def uri(self) -> str:
        """As its orders name it."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def event(self) -> dict:
        """As EventBridge hands it to the function."""
        head = self.deployment.client("s3").head_object(Bucket=self.bucket, Key=self.key, VersionId=self.version)
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Object Created",
            "source": "aws.s3",
            "time": f"{head['LastModified'].astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "detail": {
                "version": "0",
                "bucket": {"name": self.bucket},
                "object": {
                    "key": self.key,
                    "size": head["ContentLength"],
                    "etag": head["ETag"].strip('"'),
                    "version-id": self.version,
                },
                "reason": "PutObject",
            },
        }

    def latest_report(self) -> dict | None:
        """The report as it stands, None where there is none yet."""
        s3 = self.deployment.client("s3")
        try:
            body = s3.get_object(Bucket=self.bucket, Key=imports.report_key(self.key, self.version))["Body"].read()
        except s3.exceptions.NoSuchKey:
            return None
        return json.loads(body)

    def report(self) -> dict:
        """Wait for the final report, and return it."""

        def final() -> dict | None:
            report = self.latest_report()
            return report if report and report["status"] != imports.RUNNING else None

        return eventually(final, f"the report about {self.key}")

    def rejected(self) -> list[dict]:
        """Every rejected record that the report's files hold."""
        s3 = self.deployment.client("s3")
        keys = self.report()["rejectedFiles"]
        bodies = [s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode() for key in keys]
        return [json.loads(line) for body in bodies for line in body.splitlines()]


def upload(deployment: Deployment, name: str, content: bytes) -> Uploaded:
    """Put a file under orders/; `name` is not encoded."""
    key = imports.UPLOAD_PREFIX + name
    bucket = deployment.outputs["UploadBucketName"]
    answer = deployment.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    return Uploaded(deployment, key, answer["VersionId"])


def finished_imports(deployment: Deployment, uploaded: Uploaded) -> int:
    """Count the invocations that have come to the end of the file, by the function's log."""
    pages = deployment.client("logs").get_paginator("filter_log_events")
    texts = [
        event["message"]
        for page in pages.paginate(logGroupName="/food-delivery/dev/orders-import")
        for event in page["events"]
    ]
    return sum(f'"{uploaded.version}"' in text and '"message":"file"' in text.replace(" ", "") for text in texts)


SHORT_OF_TIME = """
import os
from handlers import orders_import

def handler(event, context):
    looks = iter(range(int(os.environ["LOOKS"])))
    context.get_remaining_time_in_millis = lambda: 900_000 if next(looks, None) is not None else 0
    orders_import.handler(event, context)
"""
"""The import function, which looks at the remaining time once at its start and once after each record."""


@contextmanager
def short_of_time(deployment: Deployment, looks: int) -> Iterator[None]:
    """Let each invocation of the import function run out of time when it looks at the time once more than `looks`.

    A layer wraps the handler, so the function invokes itself after a number of records, however fast the machine is.
    """
    functions, name = deployment.client("lambda"), deployment.outputs["OrdersImportFunction"]
    usual = functions.get_function_configuration(FunctionName=name)
    layers = [layer["Arn"] for layer in usual.get("Layers", [])]
    wrapper = functions.publish_layer_version(LayerName="short-of-time", Content={"ZipFile": _layer(SHORT_OF_TIME)})
    with reconfigured(
        deployment,
        "OrdersImportFunction",
        Handler="short_of_time.handler",
        Layers=[*layers, wrapper["LayerVersionArn"]],
        Environment={"Variables": {**usual["Environment"]["Variables"], "LOOKS": str(looks)}},
    ):
        yield


def _layer(source: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("python/short_of_time.py", source)
    return archive.getvalue()


def imported(deployment: Deployment) -> dict[str, list[dict]]:
    """File -> its orders, as the index of imported orders knows them: of today and, near midnight, yesterday."""
    pages, found = deployment.client("dynamodb").get_paginator("query"), defaultdict(list)
    dates = {f"{datetime.fromtimestamp(time.time() - ago, UTC):%Y-%m-%d}" for ago in (0, 600)}
    for shard in [shard for date in dates for shard in shards.shards_of(date)]:
        for page in pages.paginate(
            TableName=deployment.outputs["OrdersTableName"],
            IndexName="processedDateIndex",
            KeyConditionExpression="processedDate = :shard",
            ExpressionAttributeValues={":shard": {"S": shard}},
        ):
            for item in page["Items"]:
                found[item["sourceFile"]["S"]].append(item)
    return found
