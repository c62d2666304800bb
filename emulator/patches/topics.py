"""AWS::SNS::Topic: properties that upstream drops."""

from emulator.handlers import after
from emulator.registry import patch


@patch
def topic_encryption() -> None:
    """Upstream drops KmsMasterKeyId, so a topic looks unencrypted."""
    from ministack.services import sns

    def apply(arn, new, old):
        attributes = sns._topics[arn]["attributes"]
        if new.get("KmsMasterKeyId"):
            attributes["KmsMasterKeyId"] = new["KmsMasterKeyId"]
        else:
            attributes.pop("KmsMasterKeyId", None)

    after("AWS::SNS::Topic", apply)
