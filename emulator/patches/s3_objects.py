"""Objects: reading a part of one version, and the events that tell of new ones."""

import json
from contextvars import ContextVar

from emulator.registry import patch


@patch
def object_version_ranges() -> None:
    """Upstream answers a ranged GET with all of the object if it names a version."""
    from ministack.services import s3

    get_object = s3._get_object

    def get_range(bucket_name, key, headers, query_params=None):
        wanted = headers.get("range")
        if not wanted or not (query_params or {}).get("versionId"):
            return get_object(bucket_name, key, headers, query_params)
        # A checksum is of the whole object: AWS sends none with a part.
        whole = {name: value for name, value in headers.items() if name != "x-amz-checksum-mode"}
        status, sent, body = get_object(bucket_name, key, whole, query_params)
        if status != 200:
            return status, sent, body
        found = s3._parse_range(wanted, len(body))
        if not found:
            sent = {"Content-Type": "application/xml", "Content-Range": f"bytes */{len(body)}"}
            return 416, sent, s3._xml_body(s3._range_error_xml(bucket_name, key))
        start, end = found
        sent = {
            **sent,
            "Content-Length": str(end - start + 1),
            "Content-Range": f"bytes {start}-{end}/{len(body)}",
        }
        return 206, sent, body[start : end + 1]

    s3._get_object = get_range


@patch
def object_events() -> None:
    """The events that upstream sends to EventBridge lack the object's version, have an
    ``event-version`` that AWS's do not, the request's id for their own, and a time with fractions
    of a second."""
    from ministack.core.responses import new_uuid
    from ministack.services import eventbridge, s3

    version: ContextVar[str | None] = ContextVar("version_of_event", default=None)
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_noted(*about, version_id=None, **more):
        token = version.set(version_id)
        try:
            fire(*about, version_id=version_id, **more)
        finally:
            version.reset(token)

    def dispatch_complete(event, view=None):
        if event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail.pop("event-version", None)
            if version.get():
                detail["object"]["version-id"] = version.get()
            seconds = event["Time"].partition(".")[0].rstrip("Z") + "Z"
            event = {**event, "EventId": new_uuid(), "Time": seconds, "Detail": json.dumps(detail)}
            view = None
        dispatch(event, view)

    s3._fire_s3_event = fire_noted
    eventbridge._dispatch_event = dispatch_complete
