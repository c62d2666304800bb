"""AWS::S3::Bucket: properties that upstream drops, and buckets that must not be deleted."""

import json
from contextvars import ContextVar

from ministack.core.responses import new_uuid
from ministack.services import eventbridge, s3
from ministack.services.cloudformation import provisioners

from emulator.registry import patch
from emulator.resources import complete, completes, handler_of, insist, truth, validates

BUCKET = "AWS::S3::Bucket"


@completes(BUCKET, upstream="apply BucketEncryption of AWS::S3::Bucket")
def bucket_encryption(name, new, old):
    wanted = new.get("BucketEncryption")
    if wanted:
        rules = [
            {
                "ApplyServerSideEncryptionByDefault": rule.get("ServerSideEncryptionByDefault"),
                "BucketKeyEnabled": truth(rule.get("BucketKeyEnabled", False)),
            }
            for rule in wanted["ServerSideEncryptionConfiguration"]
        ]
        body = _xml("PutBucketEncryption", "ServerSideEncryptionConfiguration", {"Rules": rules})
        insist(s3._put_bucket_encryption(name, body), BUCKET)
    elif old.get("BucketEncryption"):
        s3._delete_bucket_encryption(name)


@completes(BUCKET, upstream="apply LifecycleConfiguration of AWS::S3::Bucket")
def bucket_lifecycle(name, new, old):
    """The service stores it; nothing expires."""
    wanted = new.get("LifecycleConfiguration")
    if wanted:
        rules = {"Rules": [_lifecycle_rule(rule) for rule in wanted["Rules"]]}
        body = _xml("PutBucketLifecycleConfiguration", "LifecycleConfiguration", rules)
        insist(s3._put_bucket_lifecycle(name, body), BUCKET)
    elif old.get("LifecycleConfiguration"):
        s3._delete_bucket_lifecycle(name)


@patch(upstream="apply Tags of AWS::S3::Bucket and the stack's tags")
def bucket_tags() -> None:
    provisioners._STACK_TAG_PROPERTY[BUCKET] = ("Tags", "list")

    def apply(name, new, old):
        tags = {tag["Key"]: str(tag["Value"]) for tag in new.get("Tags") or []}
        if tags:
            s3._bucket_tags[name] = tags
        else:
            s3._bucket_tags.pop(name, None)

    complete(BUCKET, apply)


@patch(upstream="refuse to delete a bucket that is not empty")
def bucket_not_empty() -> None:
    def delete(name, props):
        if name in s3._buckets:
            insist(s3._delete_bucket(name), BUCKET)

    handler_of(BUCKET)["delete"] = delete


@validates("AWS::S3::BucketPolicy", upstream="refuse a BucketPolicy whose bucket does not exist")
def bucket_of_policy_exists(props):
    if props.get("Bucket") not in s3._buckets:
        raise ValueError(f"The specified bucket does not exist: {props.get('Bucket')}")


def _lifecycle_rule(rule: dict) -> dict:
    """Return a rule of a template as the API has it."""
    expiration: dict[str, object] = {}
    if "ExpirationInDays" in rule:
        expiration["Days"] = rule["ExpirationInDays"]
    elif "ExpiredObjectDeleteMarker" in rule:
        expiration["ExpiredObjectDeleteMarker"] = truth(rule["ExpiredObjectDeleteMarker"])
    same = ("Status", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
    return {
        "ID": rule.get("Id"),
        "Filter": {"Prefix": rule.get("Prefix", "")},
        **({"Expiration": expiration} if expiration else {}),
        **{name: rule[name] for name in same if name in rule},
    }


def _xml(operation: str, parameter: str, value: dict) -> bytes:
    """Return the body with which boto3 would send the value. No session: that would read this machine's AWS settings."""
    from botocore.loaders import Loader  # imported here: it would delay every start
    from botocore.model import ServiceModel
    from botocore.serialize import create_serializer

    loader = Loader([Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    model = ServiceModel(loader.load_service_model("s3", "service-2"), "s3").operation_model(operation)
    serializer = create_serializer("rest-xml", include_validation=False)
    return serializer.serialize_to_request({"Bucket": "-", parameter: value}, model)["body"]


@patch(upstream="honour Range in a GET of a named version")
def object_version_ranges() -> None:
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


@patch(upstream="send S3 events with version-id and their own id, without event-version, in whole seconds")
def object_events() -> None:
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
