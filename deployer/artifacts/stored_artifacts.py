"""Read the templates and packages of a version from the artifact bucket; the hash in a key must be the content's."""

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from config import names
from deployer.artifacts import bucket as artifact_bucket
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.plan import cfn_yaml, templates
from deployer.plan.templates import Bundle


def bundle(aws: Aws, account: str, root_key: str, hint: str) -> Bundle:
    """Return the root template and its children. Raises Failure(REFUSED) with `hint` if one is missing or changed."""
    bucket = names.artifact_bucket(account, aws.region)
    bodies = {root_key: _body(aws, bucket, root_key, hint)}
    root = cfn_yaml.load(bodies[root_key])
    children = {}
    for logical_id, url in templates.child_urls(root).items():
        key = str(url).partition(f"/{bucket}/")[2]
        bodies[key] = _body(aws, bucket, key, hint)
        children[logical_id] = key
    root_url = f"{aws.template_host()}/{bucket}/{root_key}"
    return Bundle(root_key, bodies[root_key], root, root_url, bodies, children)


def check_packages(aws: Aws, account: str, keys: Iterable[str], hint: str) -> None:
    """Raise Failure(REFUSED) with `hint` if a package is missing or changed."""
    s3, bucket = aws.client("s3"), names.artifact_bucket(account, aws.region)
    for key in keys:
        if not artifact_bucket.has(s3, bucket, account, key):
            raise _missing(bucket, key, hint)
        if _digest(s3, bucket, account, key) not in key:
            raise _changed(bucket, key, hint)


def _digest(s3: Any, bucket: str, account: str, key: str) -> str:
    """Return the SHA-256 that S3 has checked on upload; computed from the content if S3 does not return it."""
    owned = {"Bucket": bucket, "Key": key, "ExpectedBucketOwner": account}
    checked = s3.head_object(**owned, ChecksumMode="ENABLED").get("ChecksumSHA256", "")
    if checked and "-" not in checked:  # "-" precedes the number of parts of a multipart upload
        return base64.b64decode(checked).hex()
    return hashlib.sha256(s3.get_object(**owned)["Body"].read()).hexdigest()


def _body(aws: Aws, bucket: str, key: str, hint: str) -> str:
    try:
        content = aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except Exception as error:
        if service_errors.is_missing(error):
            raise _missing(bucket, key, hint) from None
        raise
    text = content.decode(errors="replace")
    if templates.key_of(text) != key:
        raise _changed(bucket, key, hint)
    return text


def _missing(bucket: str, key: str, hint: str) -> Failure:
    return Failure(Exit.REFUSED, f"s3://{bucket}/{key}, a part of that version, no longer exists", hint)


def _changed(bucket: str, key: str, hint: str) -> Failure:
    return Failure(Exit.REFUSED, f"s3://{bucket}/{key} was changed after its upload", hint)
