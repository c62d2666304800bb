"""The record of a preview, beside its deployment records: which environment it is like, and when it expires.

No tag of the stack: CloudFormation would propagate it, so a new expiry would update every resource. The last step of
--destroy deletes this record with the deployment records.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime

from config import names
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.stacks import deployment_records

FORMAT = 1


@dataclass(frozen=True)
class Preview:
    """`like`: the environment whose settings it has; "" if the record cannot be read. `expires`: ISO 8601 with an
    offset; None is never. `who`: the ARN of who deployed it first. `format`: fields may be added without a new number."""

    like: str
    expires: str | None
    who: str
    format: int = FORMAT

    @property
    def expiry(self) -> datetime | None:
        return None if self.expires is None else datetime.fromisoformat(self.expires)

    def has_expired(self, now: datetime) -> bool:
        return self.expiry is not None and self.expiry <= now


UNREADABLE = Preview("", None, "")
"""A record of a later format, or of none. It never expires."""


def key(environment: str) -> str:
    return f"{deployment_records.prefix(environment)}preview.json"


def write(aws: Aws, account: str, environment: str, preview: Preview) -> None:
    aws.client("s3").put_object(
        Bucket=names.artifact_bucket(account, aws.region),
        Key=key(environment),
        Body=json.dumps(asdict(preview), sort_keys=True).encode(),
        ContentType="application/json",
    )


def read(aws: Aws, account: str, environment: str) -> Preview | None:
    """Return the record, or UNREADABLE; None if the environment has none."""
    bucket = names.artifact_bucket(account, aws.region)
    try:
        return parsed(aws.client("s3").get_object(Bucket=bucket, Key=key(environment))["Body"].read())
    except Exception as error:
        if service_errors.is_missing(error):
            return None
        raise


def parsed(text: bytes) -> Preview:
    try:
        document = json.loads(text)
        found = Preview(**{name: document[name] for name in Preview.__dataclass_fields__})
        aware = found.expiry is None or found.expiry.utcoffset() is not None
        return found if found.format <= FORMAT and aware and found.like.strip() and found.who.strip() else UNREADABLE
    except (ValueError, KeyError, TypeError, AttributeError):
        return UNREADABLE


def read_all(aws: Aws, account: str) -> dict[str, Preview]:
    """Return the record of each preview, deployed or not, by its name. Reads them concurrently."""
    s3 = aws.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=names.artifact_bucket(account, aws.region), Prefix=deployment_records.prefix(""), Delimiter="/"
    )
    try:
        known = [each["Prefix"].split("/")[1] for page in pages for each in page.get("CommonPrefixes", ())]
    except s3.exceptions.NoSuchBucket:
        return {}
    with ThreadPoolExecutor(8) as pool:
        found = zip(known, pool.map(lambda name: read(aws, account, name), known), strict=True)
        return {name: preview for name, preview in found if preview}
