"""Who gave and took away which API key or subscription: an object for each change beside the deployment records.

It has neither a key's value nor an endpoint, which may hold a secret: `key_id` is the id of the key or subscription.

A key is `deployments/<environment>/partners/<UTC time>-<action>-<id of the API key>.json`: keys sort by time. --destroy
deletes them with the deployment records.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from config import names
from deployer.aws.session import Aws
from deployer.stacks import deployment_records

FORMAT = 1

ADD, ROTATE, REVOKE = "add", "rotate", "revoke"


@dataclass(frozen=True)
class Change:
    """`when`: ISO 8601, UTC. `who`: the caller's ARN. `format`: fields may be added without a new number."""

    action: str
    partner: str
    tier: str
    key_id: str
    environment: str
    when: str
    who: str
    format: int = FORMAT


def prefix(environment: str) -> str:
    return f"{deployment_records.prefix(environment)}partners/"


def write(aws: Aws, who: str, environment: str, action: str, partner: str, tier: str, key_id: str) -> None:
    """Record a change that was made just now. `who`: the caller's ARN."""
    now = datetime.now(UTC)
    change = Change(action, partner, tier, key_id, environment, now.isoformat(timespec="seconds"), who)
    aws.client("s3").put_object(
        Bucket=names.artifact_bucket(who.split(":")[4], aws.region),
        Key=f"{prefix(environment)}{now:%Y%m%dT%H%M%S.%fZ}-{action}-{key_id}.json",
        Body=json.dumps(asdict(change), sort_keys=True).encode(),
        ContentType="application/json",
    )


def latest(aws: Aws, account: str, environment: str, most: int) -> Sequence[Change | None]:
    """Return the latest changes, newest first; None for one that this version cannot read."""
    s3, bucket = aws.client("s3"), names.artifact_bucket(account, aws.region)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix(environment))
    try:
        keys = sorted((found["Key"] for page in pages for found in page.get("Contents", ())), reverse=True)
    except s3.exceptions.NoSuchBucket:
        return []
    return [parsed(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys[:most]]


def parsed(text: bytes) -> Change | None:
    """Return a record of any format up to FORMAT; None for a later one and for text that is no record."""
    try:
        document = json.loads(text)
        change = Change(**{name: document[name] for name in Change.__dataclass_fields__})
        datetime.fromisoformat(change.when)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return change if change.format <= FORMAT else None
