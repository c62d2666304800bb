"""Subscriptions of a topic: their attributes, their signatures, and what cannot be delivered."""

import base64
import json
from typing import Any
from urllib.request import urlopen

from conformance import stackless
from conformance.account import Account
from conformance.probe import deploys, expect, holds
from conformance.refusals import refusal
from conformance.resources import ref, template

COMMANDS = "operations/partners/subscriptions.py"
SIGNED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")


@deploys(COMMANDS)
def subscription_attributes(account: Account, name: str) -> None:
    """A second Subscribe is the first, unless its attributes differ; a pending subscription has no ARN in lists."""
    sns, topic = account.client("sns"), stackless.topic(account, "again")
    wanted: dict[str, Any] = {
        "TopicArn": topic,
        "Protocol": "https",
        "Endpoint": f"https://{account.mark}.invalid/",
        "ReturnSubscriptionArn": True,
        "Attributes": {"FilterPolicy": json.dumps({"partner": ["acme"]})},
    }
    arns = {sns.subscribe(**wanted)["SubscriptionArn"] for _ in range(2)}
    expect([arn.startswith(f"{topic}:") for arn in arns], [True], "ARNs of two equal subscriptions")
    other = {"FilterPolicy": json.dumps({"partner": ["globex"]})}
    refused = refusal(sns.subscribe, **{**wanted, "Attributes": other})
    error = refused["Error"]
    expect(error["Code"], "InvalidParameter", "the error")  # botocore raises InvalidParameterException for it alone
    holds("different attributes" in error["Message"], "the reason", error)
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    expect([each["SubscriptionArn"] for each in listed], ["PendingConfirmation"], "ARNs in the list")


@deploys("examples/webhook.py")
def signed_messages(account: Account, name: str) -> None:
    """A notification is signed, SHA-1 or SHA-256, by the certificate at its SigningCertURL."""
    for version in ("1", "2"):
        topic = stackless.topic(account, f"v{version}", SignatureVersion=version)
        url = stackless.subscribed(account, topic, f"signed{version}", RawMessageDelivery="false")
        account.client("sns").publish(TopicArn=topic, Message="hello\nthere")
        received = stackless.gathered(account, url, 1, "the queue has the notification", 5)
        message = json.loads(received[0]["Body"])
        expect(message["SignatureVersion"], version, "SignatureVersion")
        with urlopen(message["SigningCertURL"]) as answer:  # noqa: S310  SNS's own
            _verify(message, answer.read())


@deploys("generator/order_events.py", "examples/webhook.py")
def topic_signature_version(account: Account, name: str) -> None:
    """GetTopicAttributes returns the version of signatures that the template declares."""
    declared = {"Type": "AWS::SNS::Topic", "Properties": {"SignatureVersion": "2"}}
    made = account.deployed(name, template({"T": declared}, {"T": ref("T")}))["T"]
    found = account.client("sns").get_topic_attributes(TopicArn=made)["Attributes"]
    expect(found.get("SignatureVersion"), "2", "SignatureVersion")


@deploys("generator/order_events.py", "generator/queue_resources.py", COMMANDS)
def undelivered_messages(account: Account, name: str) -> None:
    """What a queue refuses is in the queue of the subscription's RedrivePolicy, whatever its RedriveAllowPolicy says."""
    sns, sqs, topic = account.client("sns"), account.client("sqs"), stackless.topic(account, "undelivered")
    dead_url, dead_arn = stackless.queue(account, "kept", RedriveAllowPolicy='{"redrivePermission": "denyAll"}')
    redrive = json.dumps({"deadLetterTargetArn": dead_arn})
    url = stackless.subscribed(account, topic, "refuses", RedrivePolicy=redrive)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    partner = {"partner": {"DataType": "String", "StringValue": "acme"}}
    sns.publish(TopicArn=topic, Message="lost?", MessageAttributes=partner)
    (message,) = stackless.gathered(account, dead_url, 1, "the message is a dead letter", 30)
    expect(message["Body"], "lost?", "its body")


def _verify(message: dict, certificate: bytes) -> None:
    """Raise InvalidSignature for a message that the certificate's key did not sign."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    text = "".join(f"{field}\n{message[field]}\n" for field in SIGNED if field in message)
    digest = hashes.SHA1() if message["SignatureVersion"] == "1" else hashes.SHA256()  # noqa: S303  as SNS signs
    key: Any = x509.load_pem_x509_certificate(certificate).public_key()
    key.verify(base64.b64decode(message["Signature"]), text.encode(), padding.PKCS1v15(), digest)
