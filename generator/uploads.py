"""The bucket of bulk import: partners' files under orders/, reports of their import under reports/."""

from awacs import s3 as s3_actions
from awacs.aws import Condition, Deny, Null, Principal, Statement
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

from contract.imports import REPORT_PREFIX, UPLOAD_PREFIX
from generator.audit import accepted
from generator.lifecycle import AS_DATA
from generator.policies import policy, tls_only
from generator.queue_resources import DAY, DEAD_LETTER_RETENTION

# A dead letter names a version of a file. The version must exist as long as the letter can be redriven, even if the
# file was replaced or has expired. Two days more than the queue's retention: EventBridge may have retried for 24 hours
# before, Lambda for 6, and a chain of self-invocations may have run for 4.
OLD_VERSION_DAYS = DEAD_LETTER_RETENTION // DAY + 2

# The tag of a role that uploads for a partner; its value is the partner's name.
PARTNER_TAG = "partner"
# Uploads, of several parts too, which a client may resume or abort.
UPLOADING = (s3_actions.PutObject, s3_actions.ListMultipartUploadParts, s3_actions.AbortMultipartUpload)

# Parts of an unfinished upload are personal data and cost money, but no listing shows them. Three days let a client
# that is cut off on a Friday continue after the weekend.
UNFINISHED_UPLOAD_DAYS = 3


def bucket() -> Bucket:
    """Return the bucket. It is versioned, so that a file and the one that replaces it are both imported."""
    return Bucket(
        "UploadBucket",
        **AS_DATA,
        Metadata=accepted(
            {
                "CKV_AWS_18 CT.S3.PR.2": "Who read or wrote what is for CloudTrail's data events, which an account has for "
                "all its buckets. S3's own log would need a second bucket, of partners' addresses and names of files, to "
                "be guarded as this is.",
                "CT.S3.PR.9": "Files hold personal data and expire (UploadRetentionDays): a lock would keep them from being "
                "deleted before. Versioning keeps what is overwritten or deleted, until its dead letters have expired.",
                "CT.S3.PR.10": "Encrypted at rest with the key of S3 (AES256). With a KMS key, every uploader would need "
                "rights on the key.",
            }
        ),
        VersioningConfiguration=VersioningConfiguration(Status="Enabled"),
        BucketEncryption=BucketEncryption(
            ServerSideEncryptionConfiguration=[
                ServerSideEncryptionRule(
                    ServerSideEncryptionByDefault=ServerSideEncryptionByDefault(SSEAlgorithm="AES256")
                )
            ]
        ),
        # This account owns every object, also those of other uploaders; ACLs have no effect.
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
    """Return rules for all objects, without a prefix: misplaced uploads hold personal data, too.

    An expired object stays a noncurrent version for a while, as a backup.
    """
    return [
        LifecycleRule(Id="expire", Status="Enabled", ExpirationInDays=Ref("UploadRetentionDays")),
        LifecycleRule(
            Id="remove-what-is-left",
            Status="Enabled",
            NoncurrentVersionExpiration=NoncurrentVersionExpiration(NoncurrentDays=OLD_VERSION_DAYS),
            # A separate rule: S3 rejects it beside ExpirationInDays.
            ExpiredObjectDeleteMarker=True,
            AbortIncompleteMultipartUpload=AbortIncompleteMultipartUpload(DaysAfterInitiation=UNFINISHED_UPLOAD_DAYS),
        ),
    ]


def bucket_policy(uploads: Bucket) -> BucketPolicy:
    """Return a policy that allows nothing: uploaders and readers need permissions of this account."""
    objects = Sub(f"${{{uploads.title}.Arn}}/*")
    return BucketPolicy(
        f"{uploads.title}Policy",
        Bucket=Ref(uploads),
        PolicyDocument=policy(
            tls_only(s3_actions.Action("*"), GetAtt(uploads, "Arn"), objects), *_partners_own_files(uploads)
        ),
    )


def _partners_own_files(uploads: Bucket) -> list[Statement]:
    """Return what a role with the tag `partner` can never do, even if its own policy allows all of S3.

    It uploads below orders/<partner>/ and reads the reports about that, no more: no list, no deletion, no other version.
    A key of a report has the version that S3 answers to an upload. IAM fills in the tag, so the statements are the same
    for every partner.
    """
    own = f"${{!aws:PrincipalTag/{PARTNER_TAG}}}"
    files = Sub(f"${{{uploads.title}.Arn}}/{UPLOAD_PREFIX}{own}/*")
    # Two levels, a file and its reports: one level would open the reports about the operator's file `orders/<partner>`.
    reports = Sub(f"${{{uploads.title}.Arn}}/{REPORT_PREFIX}{UPLOAD_PREFIX}{own}/*/*")
    rules: list[tuple[str, dict]] = [
        ("PartnersReachOwnFiles", {"Action": [s3_actions.Action("*")], "NotResource": [files, reports]}),
        ("PartnersOnlyUpload", {"NotAction": list(UPLOADING), "Resource": [files]}),
        ("PartnersOnlyReadReports", {"NotAction": [s3_actions.GetObject], "Resource": [reports]}),
    ]
    tagged = Condition(Null({f"aws:PrincipalTag/{PARTNER_TAG}": "false"}))
    return [Statement(Sid=sid, Effect=Deny, Principal=Principal("*"), Condition=tagged, **what) for sid, what in rules]
