"""What S3, EventBridge and Lambda do with a file that is uploaded to the deployed bucket."""

import json

from conformance.environment import Environment
from conformance.probe import expect, holds, writes
from contract.imports import RUNNING, UPLOAD_PREFIX
from deployer.aws import object_versions
from operations.imports import file_import
from operations.imports.file_import import Upload


def _upload(environment: Environment, name: str, *orders: dict) -> Upload:
    """Upload a file of marked orders; its versions and reports are removed when the probe ends."""
    s3, bucket = environment.client("s3"), environment.outputs["UploadBucketName"]
    key = f"{UPLOAD_PREFIX}{environment.mark}{name}"
    body = "".join(json.dumps(order) + "\n" for order in orders).encode()
    upload = Upload(bucket, key, s3.put_object(Bucket=bucket, Key=key, Body=body).get("VersionId", ""))
    for each in (key, upload.report_uri.removeprefix(f"s3://{bucket}/")):
        environment.account.made.callback(object_versions.delete, s3, bucket, prefix=each)
    for order in orders:
        environment.cancel_later(order["orderId"])
    return upload


def _report(environment: Environment, upload: Upload) -> dict:
    """Wait for the final report on the upload."""

    def final() -> dict | None:
        found = file_import.report_on(environment.client("s3"), upload)
        return dict(found) if found and found["status"] != RUNNING else None

    return environment.account.until(final, f"a report on {upload.key}", 10)


@writes("handlers/orders_import.py", "handlers/uploads.py", "contract/imports.py")
def keys_of_files_are_not_url_encoded(environment: Environment) -> None:
    """EventBridge's event has the object's key as it is: a name with spaces, +, %, é and an emoji is imported."""
    order = environment.order(orderId=environment.new_id())
    upload = _upload(environment, "à la carte + 100% 🍕 %2F.jsonl", order)
    report = _report(environment, upload)
    expect(report["sourceFile"], f"s3://{upload.bucket}/{upload.key}", "the report's file")
    expect((report["queued"], report["rejected"]), (1, 0), "orders queued and rejected")
    expect(environment.stored(order["orderId"])["customerId"], order["customerId"], "the stored order's customer")


@writes("handlers/uploads.py", "handlers/orders_import.py")
def each_version_of_a_file_is_imported(environment: Environment) -> None:
    """An upload's event names its version, and a version that another has replaced can still be read."""
    orders = [environment.order(orderId=environment.new_id()) for _ in range(2)]
    first, second = (_upload(environment, "replaced.jsonl", order) for order in orders)
    holds(first.version != second.version, "two versions", first.version)
    expect([_report(environment, each)["version"] for each in (first, second)], [first.version, second.version])
    for order in orders:
        environment.stored(order["orderId"])


@writes("handlers/orders_import.py", "generator/event_sources.py")
def a_file_of_several_parts_is_imported_once(environment: Environment) -> None:
    """A multipart upload causes one event, at its completion, and the object's version is the response's."""
    s3, bucket = environment.client("s3"), environment.outputs["UploadBucketName"]
    order = environment.order(orderId=environment.new_id())
    at = {"Bucket": bucket, "Key": f"{UPLOAD_PREFIX}{environment.mark}parts.jsonl"}
    at["UploadId"] = s3.create_multipart_upload(**at)["UploadId"]
    environment.account.made.callback(object_versions.delete, s3, bucket, prefix=at["Key"])
    part = s3.upload_part(PartNumber=1, Body=json.dumps(order).encode(), **at)
    done = s3.complete_multipart_upload(MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}, **at)
    upload = Upload(bucket, at["Key"], done["VersionId"])
    environment.account.made.callback(object_versions.delete, s3, bucket, prefix=upload.report_uri.split("/", 3)[3])
    expect(_report(environment, upload)["queued"], 1, "orders queued")
    environment.stored(order["orderId"])
