"""The signatures of SNS, by a key of this process; its certificate is at the SigningCertURL of each message."""

import base64
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

CERTIFICATE_PATH = "/SimpleNotificationService.pem"
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
"""Fields that are signed, by type, in their order (SNS developer guide, "Verifying the signatures of Amazon SNS messages")."""


def base_url() -> str:
    return f"http://{os.environ['MINISTACK_HOST']}:{os.environ['GATEWAY_PORT']}"


def signed(message: Mapping[str, str], version: str) -> dict[str, str]:
    """Return the message with its signature. `version`: "1", with SHA-1, or "2", with SHA-256."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    text = "".join(f"{name}\n{message[name]}\n" for name in SIGNED[message["Type"]] if message.get(name))
    digest = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303  SNS's version 1
    signature = _identity()[0].sign(text.encode(), padding.PKCS1v15(), digest)
    return {
        **message,
        "SignatureVersion": version,
        "Signature": base64.b64encode(signature).decode(),
        "SigningCertURL": base_url() + CERTIFICATE_PATH,
    }


@cache
def _identity() -> tuple:
    """Return the key and its certificate as PEM: they are as old as this process."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
    certificate = made.not_valid_after(now + timedelta(days=365)).sign(key, hashes.SHA256())
    return key, certificate.public_bytes(serialization.Encoding.PEM)


def around(inner: Callable) -> Callable:
    """Return an ASGI application that serves the certificate."""

    async def app(scope, receive, send):
        if scope["type"] != "http" or scope["path"] != CERTIFICATE_PATH:
            return await inner(scope, receive, send)
        pem = _identity()[1]
        headers = [(b"content-type", b"application/x-pem-file"), (b"content-length", str(len(pem)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": pem})

    return app
