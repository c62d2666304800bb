"""The upload bucket: read a version of a file in ranges, and write reports.

Only this module knows S3.
"""

import random
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from contract.imports import UPLOAD_PREFIX
from handlers import faults

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef

RANGE_BYTES = 4 * 1024**2
ATTEMPTS = 4  # for a range; the client retries a failed call, but not an incomplete response


@dataclass
class File:
    """One version of an object. `version_id` is None in a bucket without versioning."""

    bucket: str
    key: str
    size: int  # bytes; updated when the file is read
    etag: str
    version_id: str | None

    @property
    def version(self) -> str:
        return self.version_id or self.etag

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def file_of(event: dict) -> File:
    """Return the file of EventBridge's event "Object Created". Raises ValueError if it is no upload."""
    bucket, uploaded = event["detail"]["bucket"], event["detail"]["object"]
    if not uploaded["key"].startswith(UPLOAD_PREFIX):
        # For example a report: importing it would write another report, in an endless loop.
        raise ValueError("not an upload")
    return File(
        bucket=bucket["name"],
        key=uploaded["key"],
        size=uploaded.get("size", 0),
        etag=uploaded["etag"].strip('"'),
        version_id=uploaded.get("version-id"),
    )


def read(client: "S3Client", file: File, offset: int) -> Iterator[bytes]:
    """Yield the file's bytes from `offset`, in pieces of RANGE_BYTES. Raises botocore's exceptions.

    Without s3:ListBucket, the error for a deleted version is AccessDenied.
    """
    while True:
        piece, file.size = _range(client, file, offset)
        if piece:
            yield piece
        offset += len(piece)
        if offset >= file.size:
            return


def write(client: "S3Client", bucket: str, key: str, body: bytes, media_type: str) -> None:
    client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=media_type)


def _range(client: "S3Client", file: File, offset: int) -> tuple[bytes, int]:
    """Return the bytes of one range, none at the file's end, and the size of the file."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _get(client, file, offset)
        except Exception as error:
            if attempt == ATTEMPTS or not faults.is_transient(error):
                raise
        time.sleep(random.uniform(0, 0.1 * 2**attempt))  # noqa: S311 - jitter is no secret
    raise AssertionError("the last attempt returns or raises")


def _get(client: "S3Client", file: File, offset: int) -> tuple[bytes, int]:
    request: GetObjectRequestTypeDef = {
        "Bucket": file.bucket,
        "Key": file.key,
        "Range": f"bytes={offset}-{offset + RANGE_BYTES - 1}",
    }
    if file.version_id:
        request["VersionId"] = file.version_id
    else:
        request["IfMatch"] = f'"{file.etag}"'
    try:
        answer = client.get_object(**request)
    except ClientError as error:
        if faults.code_of(error) == "InvalidRange":
            return b"", offset
        raise
    with closing(answer["Body"]) as body:
        return body.read(), int(answer["ContentRange"].rpartition("/")[2])
