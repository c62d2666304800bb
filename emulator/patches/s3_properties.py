"""AWS::S3::Bucket: properties that upstream drops, and buckets that must not be deleted."""

from xml.etree import ElementTree

from emulator.handlers import after, before, handler_of, insist, truth
from emulator.registry import patch

BUCKET = "AWS::S3::Bucket"


@patch
def bucket_encryption() -> None:
    """Upstream ignores BucketEncryption; the service itself has it."""
    from ministack.services import s3

    def apply(name, new, old):
        wanted = new.get("BucketEncryption")
        if wanted:
            insist(s3._put_bucket_encryption(name, _encryption(wanted)), BUCKET)
        elif old.get("BucketEncryption"):
            s3._delete_bucket_encryption(name)

    after(BUCKET, apply)


@patch
def bucket_lifecycle() -> None:
    """Upstream ignores LifecycleConfiguration; the service stores it (nothing expires here)."""
    from ministack.services import s3

    def apply(name, new, old):
        wanted = new.get("LifecycleConfiguration")
        if wanted:
            insist(s3._put_bucket_lifecycle(name, _lifecycle(wanted)), BUCKET)
        elif old.get("LifecycleConfiguration"):
            s3._delete_bucket_lifecycle(name)

    after(BUCKET, apply)


@patch
def bucket_tags() -> None:
    """Upstream ignores a bucket's Tags, and does not hand the stack's tags down to it."""
    from ministack.services import s3
    from ministack.services.cloudformation import provisioners

    provisioners._STACK_TAG_PROPERTY[BUCKET] = ("Tags", "list")

    def apply(name, new, old):
        tags = {tag["Key"]: str(tag["Value"]) for tag in new.get("Tags") or []}
        if tags:
            s3._bucket_tags[name] = tags
        else:
            s3._bucket_tags.pop(name, None)

    after(BUCKET, apply)


@patch
def bucket_versioning_suspended() -> None:
    """Upstream does not suspend versioning when an update asks for it or drops it."""
    from ministack.services import s3

    def apply(name, new, old):
        was, now = (props.get("VersioningConfiguration", {}).get("Status") for props in (old, new))
        if was == "Enabled" and now != "Enabled":
            s3._bucket_versioning[name] = "Suspended"

    after(BUCKET, apply)


@patch
def bucket_not_empty() -> None:
    """Upstream deletes a bucket with its objects (and leaves their files behind). AWS refuses
    to delete a bucket that holds anything, and the stack's delete fails."""
    from ministack.services import s3

    def delete(name, props):
        if name in s3._buckets:
            insist(s3._delete_bucket(name), BUCKET)

    handler_of(BUCKET)["delete"] = delete


@patch
def bucket_of_policy_exists() -> None:
    """Upstream attaches a BucketPolicy to a bucket that does not exist; AWS refuses."""
    from ministack.services import s3

    def check(props):
        if props.get("Bucket") not in s3._buckets:
            raise ValueError(f"The specified bucket does not exist: {props.get('Bucket')}")

    before("AWS::S3::BucketPolicy", check)


def _encryption(wanted: dict) -> bytes:
    root = ElementTree.Element("ServerSideEncryptionConfiguration")
    for rule in wanted.get("ServerSideEncryptionConfiguration") or []:
        element = ElementTree.SubElement(root, "Rule")
        default = rule.get("ServerSideEncryptionByDefault")
        if default:
            by_default = ElementTree.SubElement(element, "ApplyServerSideEncryptionByDefault")
            for name in ("SSEAlgorithm", "KMSMasterKeyID"):
                if name in default:
                    ElementTree.SubElement(by_default, name).text = default[name]
        if "BucketKeyEnabled" in rule:
            ElementTree.SubElement(element, "BucketKeyEnabled").text = str(truth(rule["BucketKeyEnabled"])).lower()
    return ElementTree.tostring(root)


def _lifecycle(wanted: dict) -> bytes:
    root = ElementTree.Element("LifecycleConfiguration")
    for rule in wanted.get("Rules") or []:
        element = ElementTree.SubElement(root, "Rule")

        def add(parent, name, value):
            if value is not None:
                ElementTree.SubElement(parent, name).text = str(value)

        add(element, "ID", rule.get("Id"))
        add(ElementTree.SubElement(element, "Filter"), "Prefix", rule.get("Prefix", ""))
        add(element, "Status", rule["Status"])
        if rule.get("ExpirationInDays") is not None:
            add(ElementTree.SubElement(element, "Expiration"), "Days", rule["ExpirationInDays"])
        elif "ExpiredObjectDeleteMarker" in rule:
            markers = str(truth(rule["ExpiredObjectDeleteMarker"])).lower()
            add(ElementTree.SubElement(element, "Expiration"), "ExpiredObjectDeleteMarker", markers)
        for transition in rule.get("Transitions") or []:
            one = ElementTree.SubElement(element, "Transition")
            add(one, "Days", transition.get("TransitionInDays"))
            add(one, "StorageClass", transition["StorageClass"])
        old_versions = rule.get("NoncurrentVersionExpiration") or {}
        days = old_versions.get("NoncurrentDays", rule.get("NoncurrentVersionExpirationInDays"))
        if days is not None:
            one = ElementTree.SubElement(element, "NoncurrentVersionExpiration")
            add(one, "NoncurrentDays", days)
            add(one, "NewerNoncurrentVersions", old_versions.get("NewerNoncurrentVersions"))
        uploads = rule.get("AbortIncompleteMultipartUpload")
        if uploads:
            add(
                ElementTree.SubElement(element, "AbortIncompleteMultipartUpload"),
                "DaysAfterInitiation",
                uploads["DaysAfterInitiation"],
            )
    return ElementTree.tostring(root)
