"""The bucket of templates and packages: made once, and written to only where something is missing."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure

WORKERS = 8
NONCURRENT_DAYS = 30


def ensure_bucket(aws: Aws, bucket: str, account: str) -> bool:
    """Create the bucket if it is not there; True when it was created or completed.

    The TLS-only policy is put last, so a bucket that has one is finished; one that a
    broken run left half made is completed by the next. Raises Failure(PREFLIGHT) when
    the name is taken by another account.
    """
    s3 = aws.client("s3")
    if _exists(s3, bucket, account):
        if _finished(s3, bucket, account):
            return False
    else:
        location = (
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
    """Put the objects that the bucket lacks, several at once; the keys that were put, sorted.

    A key is its content's address, so an object that is there is the right one. `on_put` is told of
    each that was put, and of its size in bytes, in whatever thread put it.
    """
    s3 = aws.client("s3")

    def put(key: str) -> str | None:
        if has(s3, bucket, account, key):
            return None
        content = objects[key]
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
        s3.put_object(Bucket=bucket, Key=key, Body=content, ChecksumSHA256=checksum, ExpectedBucketOwner=account)
        on_put(key, len(content))
        return key

    with ThreadPoolExecutor(WORKERS) as pool:
        return sorted(key for key in pool.map(put, sorted(objects)) if key)


def has(s3, bucket: str, account: str, key: str) -> bool:
    """Whether the object is there, as far as we may know."""
    try:
        s3.head_object(Bucket=bucket, Key=key, ExpectedBucketOwner=account)
    except s3.exceptions.ClientError as error:
        # Without s3:ListBucket a missing object answers 403: putting it tells which it was.
        if service_errors.is_missing(error) or service_errors.is_denied(error):
            return False
        raise
    return True


def _exists(s3, bucket: str, account: str) -> bool:
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


def _finished(s3, bucket: str, account: str) -> bool:
    try:
        s3.get_bucket_policy(Bucket=bucket, ExpectedBucketOwner=account)
    except s3.exceptions.ClientError as error:
        if service_errors.code_of(error) == "NoSuchBucketPolicy":
            return False
        raise
    return True


def _configure(s3, bucket: str, account: str) -> None:
    """Private, encrypted, versioned, TLS only. Current objects never expire: a rollback may want them."""
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
