"""Buckets, as S3 returns their settings."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from conformance.declared.deployed import Client, Declared, tags


def bucket(client: Client, resource: Declared) -> Mapping[str, Any]:
    s3 = client("s3")

    def setting(operation: Callable[..., Any], part: str, absent: Any = None) -> Any:
        """Return a part of a setting; `absent` if it was never set, for which S3 has an error of each setting."""
        try:
            return operation(Bucket=resource.id).get(part, absent)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            return absent

    notifications = s3.get_bucket_notification_configuration(Bucket=resource.id)
    encryption = setting(s3.get_bucket_encryption, "ServerSideEncryptionConfiguration", {}).get("Rules", [])
    lifecycle = setting(s3.get_bucket_lifecycle_configuration, "Rules", [])
    return {
        "Arn": f"arn:aws:s3:::{resource.id}",
        "VersioningConfiguration": {"Status": setting(s3.get_bucket_versioning, "Status")},
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {"ServerSideEncryptionByDefault": rule.get("ApplyServerSideEncryptionByDefault")} for rule in encryption
            ]
        },
        "OwnershipControls": setting(s3.get_bucket_ownership_controls, "OwnershipControls"),
        "PublicAccessBlockConfiguration": setting(s3.get_public_access_block, "PublicAccessBlockConfiguration"),
        "NotificationConfiguration": {
            "EventBridgeConfiguration": {"EventBridgeEnabled": "EventBridgeConfiguration" in notifications}
        },
        "LifecycleConfiguration": {"Rules": [_lifecycle(rule) for rule in lifecycle]},
        "Tags": tags(s3.get_bucket_tagging, "TagSet", Bucket=resource.id),
    }


def _lifecycle(rule: Mapping[str, Any]) -> dict[str, Any]:
    expiration = rule.get("Expiration", {})
    return {
        **{"Id" if name == "ID" else name: value for name, value in rule.items()},
        "ExpirationInDays": expiration.get("Days"),
        "ExpiredObjectDeleteMarker": expiration.get("ExpiredObjectDeleteMarker"),
    }


def bucket_policy(client: Client, resource: Declared) -> Mapping[str, Any]:
    name = resource.properties["Bucket"]
    return {"Bucket": name, "PolicyDocument": client("s3").get_bucket_policy(Bucket=name)["Policy"]}
