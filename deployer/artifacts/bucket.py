"""The artifact bucket of templates and packages: create it once, upload only missing objects."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from config import names
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure

WORKERS = 8
SPARED = timedelta(days=1)
"""--prune leaves objects and function versions that are younger."""

RENEWED_AFTER = SPARED / 2
NONCURRENT_DAYS = 30
_EXISTS = ("PreconditionFailed", "ConditionalRequestConflict")


class _Stored(NamedTuple):
    """What S3 knows of an object. `checksum`: its SHA-256; "" if S3 has none."""

    written: datetime
    checksum: str


def ensure_bucket(aws: Aws, bucket: str, account: str) -> bool:
    """Create the bucket if it does not exist; return True if it was created or its configuration completed.

    The TLS-only policy is put last, so a bucket with a policy is complete; the next run completes one that an
    interrupted run left. Raises Failure(PREFLIGHT) if another account owns the name.
    """
    s3 = aws.client("s3")
    if _exists(s3, bucket, account):
        if _is_complete(s3, bucket, account):
            return False
    else:
        location: dict[str, Any] = (
            {} if aws.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": aws.region}}
        )
        s3.create_bucket(Bucket=bucket, **location)
    _configure(s3, bucket, account)
    return True


def upload_missing(
    aws: Aws,
    bucket: str,
    account: str,
    objects: Mapping[str, bytes],
    on_put: Callable[[str, int], None] = lambda key, size: None,
) -> list[str]:
    """Upload the objects that the bucket lacks, concurrently; return their keys, sorted. Renew the others.

    A key contains its content's hash. An existing object with another checksum is replaced, by those who may: whoever
    only plans can neither overwrite what is deployed nor prepare what will be. `on_put` receives the key and the size in
    bytes of each uploaded object, in the uploading thread.
    """
    s3: Any = aws.client("s3")

    def put(key: str) -> str | None:
        content, to = objects[key], {"Bucket": bucket, "Key": key, "ExpectedBucketOwner": account}
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
        checked = {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": checksum}
        stored = _stored(s3, to)
        if stored and stored.checksum == checksum:
            _renew(s3, to, stored)
            return None
        condition = {"IfNoneMatch": "*"} if stored is None else {}
        try:
            s3.put_object(**to, Body=content, **checked, **condition)
        except s3.exceptions.ClientError as error:
            # Another run was faster, or this one's first attempt, whose response was lost.
            if service_errors.code_of(error) not in _EXISTS:
                raise
            stored = _stored(s3, to)
            if not stored or stored.checksum != checksum:
                raise
        on_put(key, len(content))
        return key

    with ThreadPoolExecutor(WORKERS) as pool:
        return sorted(key for key in pool.map(put, sorted(objects)) if key)


def has(s3: Any, bucket: str, account: str, key: str) -> bool:
    """Return True if the object exists; False also if the caller may not know."""
    return _stored(s3, {"Bucket": bucket, "Key": key, "ExpectedBucketOwner": account}) is not None


def renew(s3: Any, bucket: str, account: str, key: str) -> None:
    """Copy an object that exists and is not new onto itself.

    --prune spares what was written during the last day: a renewed object exists until a change set names it. A caller
    who may not overwrite objects, such as a pipeline that only plans, renews none.
    """
    of = {"Bucket": bucket, "Key": key, "ExpectedBucketOwner": account}
    stored = _stored(s3, of)
    if stored:
        _renew(s3, of, stored)


def _renew(s3: Any, of: Mapping[str, str], stored: _Stored) -> None:
    if datetime.now(UTC) - stored.written <= RENEWED_AFTER:
        return
    source = {"Bucket": of["Bucket"], "Key": of["Key"]}
    try:
        # S3 refuses a copy onto itself that changes nothing.
        s3.copy_object(**of, CopySource=source, MetadataDirective="REPLACE", ChecksumAlgorithm="SHA256")
    except s3.exceptions.ClientError as error:
        if not service_errors.is_denied(error):
            raise


def artifacts(aws: Aws, account: str) -> set[str]:
    """Return the keys of all templates and packages."""
    pages = aws.client("s3").get_paginator("list_objects_v2")
    found = [
        pages.paginate(Bucket=names.artifact_bucket(account, aws.region), Prefix=prefix)
        for prefix in ("templates/", "packages/")
    ]
    return {each["Key"] for listing in found for page in listing for each in page.get("Contents", ())}


def _stored(s3: Any, of: Mapping[str, str]) -> _Stored | None:
    """Return what S3 knows of an object; None if it does not exist, or if the caller may not know."""
    try:
        found = s3.head_object(**of, ChecksumMode="ENABLED")
        return _Stored(found["LastModified"], found.get("ChecksumSHA256", ""))
    except s3.exceptions.ClientError as error:
        # Without s3:ListBucket, HEAD of a missing object returns 403; uploading it shows which it was.
        if service_errors.is_missing(error) or service_errors.is_denied(error):
            return None
        raise


def _exists(s3: Any, bucket: str, account: str) -> bool:
    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except s3.exceptions.ClientError as error:
        if service_errors.is_missing(error):
            return False
        if service_errors.is_denied(error):
            raise Failure(
                Exit.PREFLIGHT,
                f"the artifact bucket {bucket} belongs to another account, or s3:ListBucket on it is missing",
                "bucket names are global; nothing was uploaded",
            ) from error
        raise
    return True


def _is_complete(s3: Any, bucket: str, account: str) -> bool:
    try:
        s3.get_bucket_policy(Bucket=bucket, ExpectedBucketOwner=account)
    except s3.exceptions.ClientError as error:
        if service_errors.code_of(error) == "NoSuchBucketPolicy":
            return False
        raise
    return True


def _configure(s3: Any, bucket: str, account: str) -> None:
    """Make the bucket private, encrypted, versioned and TLS only. Current objects never expire: rollbacks need them."""
    owned = {"Bucket": bucket, "ExpectedBucketOwner": account}
    s3.put_public_access_block(
        **owned,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_encryption(
        **owned,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}],
        },
    )
    s3.put_bucket_versioning(**owned, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_lifecycle_configuration(
        **owned,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "tidy",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": NONCURRENT_DAYS},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                }
            ]
        },
    )
    s3.put_bucket_policy(**owned, Policy=json.dumps(_tls_only(bucket, s3.meta.partition)))


def _tls_only(bucket: str, partition: str) -> dict:
    arn = f"arn:{partition}:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
