"""A partner's receiver takes what SNS has signed for this topic, once, and nothing else."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from examples import webhook

TOPIC = "arn:aws:sns:eu-west-1:123456789012:order-events"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
KEY, OTHER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
EVENT = {"eventId": "acme~1:1", "eventType": "OrderCreated", "partner": "acme"}


def certificate(key) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(datetime(2020, 1, 1)).not_valid_after(datetime(2099, 1, 1))
    return made.sign(key, hashes.SHA256())


@pytest.fixture(autouse=True)
def sns(monkeypatch):
    """The certificate is SNS's wherever it is fetched from; return the URLs that were asked for."""
    asked = []

    def fetch(url):
        asked.append(url)
        return certificate(KEY)

    monkeypatch.setattr(webhook, "_certificate", fetch)
    return asked


def message(key=KEY, **changed) -> bytes:
    """As SNS would sign it. `changed`: fields with other values, before it is signed; None for one that is absent."""
    fields = {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": TOPIC,
        "Message": json.dumps(EVENT),
        "Timestamp": "2026-11-28T11:59:58.123Z",
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
    } | changed
    fields = {name: value for name, value in fields.items() if value is not None}
    names = webhook.SIGNED.get(fields.get("Type"), ())
    text = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return json.dumps({**fields, "Signature": base64.b64encode(signature).decode()}).encode()


def tampered(name, value) -> bytes:
    return json.dumps({**json.loads(message()), name: value}).encode()


def verified(body, topic=TOPIC, **options):
    return webhook.verified(body, topic, now=NOW, **options)


@pytest.mark.parametrize("subject", [None, "a subject"])
def test_what_sns_signed_for_the_topic_is_taken(subject):
    assert json.loads(verified(message(Subject=subject))["Message"]) == EVENT


REFUSED = {
    "changed body": tampered("Message", json.dumps({**EVENT, "partner": "globex"})),
    "added subject": tampered("Subject", "x"),
    "changed time": tampered("Timestamp", "2026-11-28T11:59:59.123Z"),
    "changed id": tampered("MessageId", "m-2"),
    "another key": message(OTHER),
    "no base64": tampered("Signature", "?"),
    "no signature": tampered("Signature", ""),
    "another topic": message(TopicArn=f"{TOPIC}-2"),
    "an hour old": message(Timestamp=(NOW - timedelta(hours=1, seconds=1)).isoformat()),
    "from the future": message(Timestamp=(NOW + timedelta(minutes=6)).isoformat()),
    "no time": message(Timestamp="yesterday"),
    "a time without a zone": message(Timestamp="2026-11-28T11:59:58"),
    "SHA-1": message(SignatureVersion="1"),
    "another host": message(
        SigningCertURL="https://sns.eu-west-1.amazonaws.com.example.com/SimpleNotificationService-1.pem"
    ),
    "another region": message(SigningCertURL=CERTIFICATE.replace("eu-west-1", "eu-west-2")),
    "a bucket": message(SigningCertURL="https://s3.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"),
    "a user": message(SigningCertURL=CERTIFICATE.replace("sns.", "sns.eu-west-1.amazonaws.com@", 1)),
    "plain HTTP": message(SigningCertURL=CERTIFICATE.replace("https", "http")),
    "a query": message(SigningCertURL=f"{CERTIFICATE}?x"),
    "a line break": message(SigningCertURL=f"{CERTIFICATE}\n"),
    "the emulator, which was not named": message(SigningCertURL="http://127.0.0.1:4566/SimpleNotificationService.pem"),
    "a type that SNS does not have": message(Type="Other"),
    "no message": message(Message=None),
    "a number": message(Timestamp=None) and tampered("Timestamp", 1),
    "no object": b"[]",
    "no JSON": b"\xff",
    "nothing": b"",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_anything_else_is_refused(body):
    with pytest.raises(webhook.Refused):
        verified(body)


def test_no_certificate_is_fetched_from_a_host_that_is_not_sns(sns):
    for body in REFUSED.values():
        with pytest.raises(webhook.Refused):
            verified(body)
    assert set(sns) == {CERTIFICATE}


def test_the_emulators_certificate_is_taken_only_from_the_emulator_that_was_named():
    body = message(SigningCertURL="http://127.0.0.1:4566/SimpleNotificationService.pem")
    assert verified(body, emulator="http://127.0.0.1:4566")
    with pytest.raises(webhook.Refused):
        verified(body, emulator="http://127.0.0.1:456")


def test_an_event_that_comes_again_is_not_printed_again():
    printed, seen = [], webhook.Seen(most=2)
    for event_id in ("a", "a", "b", "c", "a"):
        body = message(Message=json.dumps({**EVENT, "eventId": event_id}))
        webhook.receive(verified(body), seen, TOPIC, "", printed.append)
    assert [json.loads(each)["eventId"] for each in printed] == ["a", "b", "c", "a"], "the oldest of two is forgotten"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/?Action=ConfirmSubscription&Token=x",
        "https://sns.eu-west-1.amazonaws.com/?Action=DeleteTopic&Token=x",
        "file:///etc/passwd",
    ],
)
def test_only_sns_is_asked_to_confirm(url):
    body = message(Type="SubscriptionConfirmation", SubscribeURL=url, Token="x")
    with pytest.raises(webhook.Refused):
        webhook.receive(verified(body), webhook.Seen(), TOPIC, "")


def test_the_certificates_of_the_tests_are_certificates():
    pem = certificate(KEY).public_bytes(serialization.Encoding.PEM)
    assert x509.load_pem_x509_certificate(pem).public_key() == KEY.public_key()
