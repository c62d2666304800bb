"""Delete the object versions of a bucket, with delete markers and unfinished uploads."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from deployer.errors import Exit, Failure

BATCH = 1000
"""S3's maximum of versions for one DeleteObjects call, and for one page of ListObjectVersions."""

SHOWN = 3
"""How many of the versions that S3 refused to delete the message names."""

OnCount = Callable[[int], None]
"""Receives the number of object versions deleted so far."""


def delete(
    s3: Any,
    bucket: str,
    on_count: OnCount = lambda number: None,
    prefix: str = "",
    batches: Iterable[list[dict]] | None = None,
) -> int:
    """Delete all versions and delete markers under `prefix`, abort unfinished uploads; return the number of versions.

    `batches`: delete only these, each with Key and VersionId, and abort nothing.

    Tries every page, then raises Failure(FAILED) naming the first versions that S3 refused (object lock, a policy).
    """
    deleted, refused = 0, []
    try:
        for batch in _versions(s3, bucket, prefix) if batches is None else batches:
            response = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
            errors = response.get("Errors", [])
            refused += errors
            deleted += len(batch) - len(errors)
            on_count(deleted)
        if batches is None:
            _abort_uploads(s3, bucket, prefix)
    except s3.exceptions.NoSuchBucket:
        return deleted
    if refused:
        raise Failure(
            Exit.FAILED,
            f"{len(refused):,} object versions in {bucket} could not be deleted ({deleted:,} were): "
            + "; ".join(f"{error['Key']} ({error['Code']})" for error in refused[:SHOWN]),
            "correct the cause (a missing permission, a policy, an object lock), then run the same command again",
        )
    return deleted


def _abort_uploads(s3: Any, bucket: str, prefix: str) -> None:
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
        for upload in page.get("Uploads", ()):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


def _versions(s3: Any, bucket: str, prefix: str) -> Iterator[list[dict]]:
    """Yield batches. Delete a batch before asking for the next: a page begins where the one before ended."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix, MaxKeys=BATCH)
    for page in pages:
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if found:
            yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
