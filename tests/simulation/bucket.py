"""S3 and SNS: an object's version in ranges, reports, and a topic whose entries can fail one by one."""

import io
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from tests.simulation.queues import accept_each

if TYPE_CHECKING:
    from tests.simulation.world import World


class Bucket:
    def __init__(self, world: "World") -> None:
        self.world = world
        self.files: dict[tuple[str, str], bytes] = {}
        self.reports: dict[str, bytes] = {}
        self.operations = {"get_object": self.get_object, "put_object": self.put_object}

    def get_object(self, *, Bucket: str, Key: str, Range: str, VersionId: str) -> dict:
        body = self.files[Key, VersionId]
        first, last = map(int, Range.removeprefix("bytes=").split("-"))
        if first >= len(body):
            raise ClientError({"Error": {"Code": "InvalidRange"}}, "GetObject")
        piece = body[first : last + 1]
        content_range = f"bytes {first}-{first + len(piece) - 1}/{len(body)}"
        return {"Body": StreamingBody(io.BytesIO(piece), len(piece)), "ContentRange": content_range}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> dict:
        before, self.reports[Key] = self.reports.get(Key, Body), Body
        self.world.checker.report_written(Key, before, Body)
        return {}


class Topic:
    def __init__(self, world: "World") -> None:
        self.world = world
        self.operations = {"publish_batch": self.publish_batch}

    def publish_batch(self, *, TopicArn: str, PublishBatchRequestEntries: list[dict]) -> dict:
        announce = self.world.checker.announced
        return accept_each(self.world, PublishBatchRequestEntries, lambda entry: announce(entry["Message"]))
