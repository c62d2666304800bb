"""Delete the object versions of a bucket, markers and unfinished uploads included."""

from collections.abc import Callable, Iterator

from deployer.errors import Exit, Failure

BATCH = 1000
"""Versions that S3 deletes at once, at most; also a page of its listing."""

SHOWN = 3
"""Of the versions that S3 would not delete, so many are named."""

OnCount = Callable[[int], None]
"""Gets how many object versions are gone."""


def delete(s3, bucket: str, on_count: OnCount = lambda number: None, prefix: str = "") -> int:
    """Delete every version and delete marker under `prefix`, and break off unfinished uploads; how many versions.

    Every page is tried before Failure(FAILED) names the first of those that S3 refused (object lock, a policy).
    """
    gone, refused = 0, []
    try:
        for batch in _versions(s3, bucket, prefix):
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
            errors = answer.get("Errors", [])
            refused += errors
            gone += len(batch) - len(errors)
            on_count(gone)
        for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
            for upload in page.get("Uploads", ()):
                s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    except s3.exceptions.NoSuchBucket:
        return gone
    if refused:
        raise Failure(
            Exit.FAILED,
            f"{len(refused):,} object versions in {bucket} could not be deleted ({gone:,} are gone): "
            + "; ".join(f"{error['Key']} ({error['Code']})" for error in refused[:SHOWN]),
            "mend the cause (a right, a policy, an object lock) and run the same command again",
        )
    return gone


def _versions(s3, bucket: str, prefix: str) -> Iterator[list[dict]]:
    """In batches. A page is deleted before the next is read, which begins where this one ended."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix, MaxKeys=BATCH)
    for page in pages:
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if found:
            yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
