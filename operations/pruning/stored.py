"""What the artifact bucket contains: records of deployments, and artifacts with all their object versions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.stacks import deployment_records
from deployer.stacks.deployment_records import Deployment, Entry
from operations.pruning.needs import ARTIFACT

_RECORD = re.compile(deployment_records.prefix("") + r"[^/]+/\d{8}T")
"""Beginning of the key of every record of a deployment, of later formats too."""


@dataclass(frozen=True)
class Artifact:
    """`versions`: ids of all object versions and delete markers. `written`: when the newest of them was."""

    key: str
    versions: tuple[str, ...]
    bytes: int
    written: datetime


@dataclass(frozen=True)
class Stored:
    """`records`: keys of records of deployments."""

    records: tuple[str, ...] = ()
    artifacts: tuple[Artifact, ...] = ()


def read(aws: Aws, bucket: str) -> Stored:
    """List every object version of the bucket; nothing if it does not exist."""
    s3 = aws.client("s3")
    found: list[Mapping[str, Any]] = []
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found += [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
    except s3.exceptions.NoSuchBucket:
        return Stored()
    current = {each["Key"] for each in found if each["IsLatest"] and "Size" in each}
    by_key = groupby(sorted(found, key=lambda each: each["Key"]), key=lambda each: each["Key"])
    return Stored(
        tuple(sorted(key for key in current if _RECORD.match(key))),
        tuple(_artifact(key, list(versions)) for key, versions in by_key if ARTIFACT.fullmatch(key)),
    )


def _artifact(key: str, versions: Sequence[Mapping[str, Any]]) -> Artifact:
    return Artifact(
        key,
        tuple(each["VersionId"] for each in versions),
        sum(each.get("Size", 0) for each in versions),
        max(each["LastModified"] for each in versions),
    )


def deployments(aws: Aws, account: str, keys: Sequence[str]) -> list[Deployment]:
    """Read the records, newest first.

    Raises Failure(REFUSED) if one cannot be read: a newer version of this program may need what it names.
    """
    entries = {entry.key: entry for entry in deployment_records.entries_of(keys)}
    _refuse([key for key in keys if key not in entries])
    chosen: list[Entry] = sorted(entries.values(), key=lambda entry: entry.when, reverse=True)
    read = deployment_records.read(aws, account, chosen)
    _refuse([entry.key for entry, each in zip(chosen, read, strict=True) if each is None])
    return [each for each in read if each]


def _refuse(unknown: Sequence[str]) -> None:
    if unknown:
        raise Failure(
            Exit.REFUSED,
            f"{unknown[0]} cannot be read by this version, so what it needs is unknown"
            + (f"; {len(unknown) - 1:,} more cannot either" if len(unknown) > 1 else ""),
            "prune with the newest version of this program; if the object is no record of it, delete it first",
        )
