"""Driving the bulk import: files into the bucket, reports out of it, and what came of them in the table."""

import csv
import gzip
import io
import json
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from contract import imports
from tests.e2e.pipeline_kit import eventually
from tests.e2e.support import Deployment


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

    def report(self, seconds: float = 120) -> dict:
        """The last report, once there is one."""

        def final() -> dict | None:
            report = self.latest_report()
            return report if report and report["status"] != imports.RUNNING else None

        return eventually(final, seconds, f"the report about {self.key}")

    def rejected(self) -> list[dict]:
        """Every rejected record that the report's files hold."""
        s3 = self.deployment.client("s3")
        keys = self.report()["rejectedFiles"]
        bodies = [s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode() for key in keys]
        return [json.loads(line) for body in bodies for line in body.splitlines()]


def upload(deployment: Deployment, name: str, content: bytes) -> Uploaded:
    """Put a file under orders/; `name` as it is."""
    key = imports.UPLOAD_PREFIX + name
    bucket = deployment.outputs["UploadBucketName"]
    answer = deployment.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    return Uploaded(deployment, key, answer["VersionId"])


@contextmanager
def import_timeout(deployment: Deployment, seconds: int) -> Iterator[None]:
    """Let an invocation of the importing function run so long, and no longer."""
    functions, name = deployment.client("lambda"), deployment.outputs["OrdersImportFunction"]
    usual = functions.get_function_configuration(FunctionName=name)["Timeout"]
    functions.update_function_configuration(FunctionName=name, Timeout=seconds)
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Timeout=usual)


def imported_in_parts(deployment: Deployment, name: str, content: bytes) -> Uploaded:
    """A file that took several invocations: each is given as little time as this machine can do with.

    Where the machine is busy, as many invocations as there may be do not come to the file's end in the first tries.
    """
    for seconds in (3, 6, 12, 24, 48):
        with import_timeout(deployment, seconds):
            uploaded = upload(deployment, f"{uuid.uuid4()}-{name}", content)
            if uploaded.report(15 * seconds + 120)["status"] != imports.BROKEN:
                break
    return uploaded


def imported(deployment: Deployment) -> dict[str, list[dict]]:
    """File -> its orders, as the index of imported orders knows them: of today and, near midnight, yesterday."""
    pages, found = deployment.client("dynamodb").get_paginator("query"), defaultdict(list)
    for date in {f"{datetime.fromtimestamp(time.time() - ago, UTC):%Y-%m-%d}" for ago in (0, 600)}:
        for page in pages.paginate(
            TableName=deployment.outputs["OrdersTableName"],
            IndexName="processedDateIndex",
            KeyConditionExpression="processedDate = :date",
            ExpressionAttributeValues={":date": {"S": date}},
        ):
            for item in page["Items"]:
                found[item["sourceFile"]["S"]].append(item)
    return found
