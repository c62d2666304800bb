"""The record of a preview, beside its deployment records: which environment it is like, and when it expires.

No tag of the stack: CloudFormation would propagate it, so a new expiry would update every resource. Deleting the
deployment records of an environment, the last step of --destroy, deletes this one with them.
"""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from config import names
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.stacks import deployment_records

FORMAT = 1


@dataclass(frozen=True)
class Preview:
    """`like`: the environment whose settings it has. `expires`: ISO 8601 with its offset; None is never. `who`: the
    ARN of the caller who deployed it first. `format`: fields may be added without a new number."""

    like: str
    expires: str | None
    who: str
    format: int = FORMAT

    @property
    def expiry(self) -> datetime | None:
        return datetime.fromisoformat(self.expires) if self.expires else None

    def has_expired(self, now: datetime) -> bool:
        return self.expiry is not None and self.expiry <= now


@dataclass(frozen=True)
class Unreadable:
    """A record of a later format, or no record at all. `location`: its URL."""

    location: str


def key(environment: str) -> str:
    return f"{deployment_records.prefix(environment)}preview.json"


def write(aws: Aws, account: str, environment: str, preview: Preview) -> None:
    aws.client("s3").put_object(
        Bucket=names.artifact_bucket(account, aws.region),
        Key=key(environment),
        Body=json.dumps(asdict(preview), sort_keys=True).encode(),
        ContentType="application/json",
    )


def read(aws: Aws, account: str, environment: str) -> Preview | Unreadable | None:
    bucket = names.artifact_bucket(account, aws.region)
    try:
        text = aws.client("s3").get_object(Bucket=bucket, Key=key(environment))["Body"].read()
    except Exception as error:
        if service_errors.is_missing(error):
            return None
        raise
    return parsed(text) or Unreadable(f"s3://{bucket}/{key(environment)}")


def parsed(text: bytes) -> Preview | None:
    """Return the record; None for a later format, and for text that is not a record."""
    try:
        document: dict[str, Any] = json.loads(text)
        found = Preview(**{name: document[name] for name in Preview.__dataclass_fields__})
        known = found.format <= FORMAT and isinstance(found.like, str) and isinstance(found.who, str)
        expiry = found.expiry
        return found if known and (expiry is None or expiry.utcoffset() is not None) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def read_all(aws: Aws, account: str, environments: Iterable[str]) -> dict[str, Preview | Unreadable]:
    """Read concurrently the records of those of the environments that are previews."""
    chosen = sorted(environments)
    aws.client("s3")  # boto3 clients must not be created in several threads
    with ThreadPoolExecutor(8) as pool:
        found = zip(chosen, pool.map(lambda each: read(aws, account, each), chosen), strict=True)
        return {name: preview for name, preview in found if preview}


def recorded(aws: Aws, account: str) -> set[str]:
    """Return the environments that have a record of any kind, deployed or not."""
    s3 = aws.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=names.artifact_bucket(account, aws.region), Prefix="deployments/", Delimiter="/"
    )
    try:
        return {each["Prefix"].split("/")[1] for page in pages for each in page.get("CommonPrefixes", ())}
    except s3.exceptions.NoSuchBucket:
        return set()
