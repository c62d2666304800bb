"""The bucket of bulk import: partners' files under orders/, what became of them under reports/."""

from awacs import s3 as s3_actions
from troposphere import GetAtt, Ref, Sub
from troposphere.s3 import (
    AbortIncompleteMultipartUpload,
    Bucket,
    BucketEncryption,
    BucketPolicy,
    EventBridgeConfiguration,
    LifecycleConfiguration,
    LifecycleRule,
    NoncurrentVersionExpiration,
    NotificationConfiguration,
    OwnershipControls,
    OwnershipControlsRule,
    PublicAccessBlockConfiguration,
    ServerSideEncryptionByDefault,
    ServerSideEncryptionRule,
    VersioningConfiguration,
)

from generator.audit import accepted
from generator.lifecycle import AS_DATA
from generator.policies import policy, tls_only
from generator.queue_resources import DAY, DEAD_LETTER_RETENTION

# A dead letter names a version of a file, which must be there for as long as the letter can be sent
# back, replaced or expired in the meantime or not. Two days more than the queue keeps it: before it came
# there, EventBridge may have tried for 24 hours, Lambda for 6, and a chain of invocations run for 4.
OLD_VERSION_DAYS = DEAD_LETTER_RETENTION // DAY + 2

# Parts of an upload that was never finished: listed nowhere, paid for, and personal data all the same.
# A client that is cut off on a Friday can still go on after the weekend.
UNFINISHED_UPLOAD_DAYS = 3


def bucket() -> Bucket:
    """Versioned: a file uploaded under the name of another replaces it, and both are imported."""
    return Bucket(
        "UploadBucket",
        **AS_DATA,
        Metadata=accepted(
            CKV_AWS_18="Who read or wrote what is for CloudTrail's data events, which an account has for all its buckets. "
            "S3's own log would need a second bucket, of partners' addresses and names of files, to be guarded as this is."
        ),
        VersioningConfiguration=VersioningConfiguration(Status="Enabled"),
        # S3's own key and not one of KMS: whoever uploads would need rights on that too.
        BucketEncryption=BucketEncryption(
            ServerSideEncryptionConfiguration=[
                ServerSideEncryptionRule(
                    ServerSideEncryptionByDefault=ServerSideEncryptionByDefault(SSEAlgorithm="AES256")
                )
            ]
        ),
        # Whoever uploads a file, it belongs to this account, and no access list keeps anyone from reading it.
        OwnershipControls=OwnershipControls(Rules=[OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]),
        PublicAccessBlockConfiguration=PublicAccessBlockConfiguration(
            BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
        ),
        NotificationConfiguration=NotificationConfiguration(
            EventBridgeConfiguration=EventBridgeConfiguration(EventBridgeEnabled=True)
        ),
        LifecycleConfiguration=LifecycleConfiguration(Rules=_rules()),
    )


def _rules() -> list[LifecycleRule]:
    """For files, reports, and what was uploaded to the wrong place: all hold personal data, so no prefix.

    What expires becomes an old version first, a backup for a while, as the table's are of expired orders.
    """
    return [
        LifecycleRule(Id="expire", Status="Enabled", ExpirationInDays=Ref("UploadRetentionDays")),
        LifecycleRule(
            Id="remove-what-is-left",
            Status="Enabled",
            NoncurrentVersionExpiration=NoncurrentVersionExpiration(NoncurrentDays=OLD_VERSION_DAYS),
            # A rule of its own: S3 does not take it beside a number of days.
            ExpiredObjectDeleteMarker=True,
            AbortIncompleteMultipartUpload=AbortIncompleteMultipartUpload(DaysAfterInitiation=UNFINISHED_UPLOAD_DAYS),
        ),
    ]


def bucket_policy(uploads: Bucket) -> BucketPolicy:
    """Allows nobody anything: who uploads or reads needs rights of their own, in this account."""
    objects = Sub(f"${{{uploads.title}.Arn}}/*")
    return BucketPolicy(
        f"{uploads.title}Policy",
        Bucket=Ref(uploads),
        PolicyDocument=policy(tls_only(s3_actions.Action("*"), GetAtt(uploads, "Arn"), objects)),
    )
