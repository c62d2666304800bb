#!/usr/bin/env python3
"""A partner's endpoint for the events of its orders: verifies each message of SNS, confirms the subscription, prints events.

    python examples/webhook.py arn:aws:sns:eu-west-1:123456789012:food-delivery-prod-… --port 8080

Put it behind a proxy that speaks HTTPS. Needs the package cryptography. With the emulator on this machine add
`--emulator URL`, its EndpointUrl: certificates and confirmations come from there.

Take `verified` and `Seen` with you; in `receive`, replace `print` by a transaction that stores the event's id and its
effect together: an event may come twice, and events may overtake each other (compare their `version`).
"""

import argparse
import base64
import json
import re
import sys
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

MOST_BYTES = 1_000_000
OLDEST, AHEAD = timedelta(hours=1), timedelta(minutes=5)
"""SNS retries for an hour at most; clocks differ."""
CONFIRMATION, NOTIFICATION = "SubscriptionConfirmation", "Notification"
_OF_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: _OF_CONFIRMATION,
    "UnsubscribeConfirmation": _OF_CONFIRMATION,
}


class Refused(Exception):
    """Not a message of this topic by SNS. The answer is 403, after which SNS does not try again."""


def verified(body: bytes, topic: str, emulator: str = "", now: datetime | None = None) -> dict[str, str]:
    """Return the message, which SNS has signed for this topic within the last hour.

    Raises Refused for any other, OSError if the certificate cannot be fetched.
    """
    message = _parsed(body)
    if message["TopicArn"] != topic:
        raise Refused("of another topic")
    if message["SignatureVersion"] != "2":
        raise Refused("not signed with SHA-256, as this topic's messages are")
    _check_time(message["Timestamp"], now or datetime.now(UTC))
    _check_host(message["SigningCertURL"], topic, emulator, r"/SimpleNotificationService-[0-9a-f]+\.pem")
    key: Any = _certificate(message["SigningCertURL"]).public_key()
    fields = (name for name in SIGNED[message["Type"]] if name in message)
    text = "".join(f"{name}\n{message[name]}\n" for name in fields)
    try:
        signature = base64.b64decode(message["Signature"], validate=True)
        key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, InvalidSignature):
        raise Refused("the signature is wrong") from None
    return message


def _parsed(body: bytes) -> dict[str, str]:
    try:
        message = json.loads(body)
        names = {*SIGNED[message["Type"]], "Signature", "SignatureVersion", "SigningCertURL"} - {"Subject"}
        complete = all(isinstance(message[name], str) for name in names) and isinstance(message.get("Subject", ""), str)
    except (ValueError, KeyError, TypeError, RecursionError):
        complete = False
    if not complete:
        raise Refused("no message of SNS")
    return message


def _check_time(timestamp: str, now: datetime) -> None:
    """A message that was recorded could be sent again later."""
    try:
        sent = datetime.fromisoformat(timestamp)
        timely = now - OLDEST <= sent <= now + AHEAD
    except (ValueError, TypeError):
        timely = False
    if not timely:
        raise Refused("too old, or from the future")


def _check_host(url: str, topic: str, emulator: str, path: str) -> None:
    """Raises Refused unless the URL is SNS's in the topic's region: anyone can sign with a certificate of their own."""
    _, partition, _, region, *_ = topic.split(":")
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    if re.fullmatch(rf"https://sns\.{re.escape(region)}\.{re.escape(suffix)}{path}", url):
        return
    if emulator and url.startswith(f"{emulator.rstrip('/')}/"):
        return
    raise Refused("a URL that is not SNS's")


@cache  # SNS replaces its certificate under another URL
def _certificate(url: str) -> x509.Certificate:
    with urlopen(url, timeout=10) as answer:  # noqa: S310  checked by _check_host
        certificate = x509.load_pem_x509_certificate(answer.read(MOST_BYTES))
    if not certificate.not_valid_before_utc <= datetime.now(UTC) <= certificate.not_valid_after_utc:
        raise Refused("the certificate is not valid today")
    return certificate


class Seen:
    """The ids of the latest events, for as long as this process runs."""

    def __init__(self, most: int = 100_000):
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._most, self._lock = most, Lock()

    def add(self, event_id: str) -> bool:
        """Return whether the id is new."""
        with self._lock:
            if event_id in self._ids:
                return False
            self._ids[event_id] = None
            if len(self._ids) > self._most:
                self._ids.popitem(last=False)
            return True


def receive(message: dict[str, str], seen: Seen, topic: str, emulator: str, out: Callable[[str], None] = print) -> None:
    """Act on a verified message."""
    if message["Type"] == CONFIRMATION:
        _check_host(message["SubscribeURL"], topic, emulator, r"/\?Action=ConfirmSubscription&[^#\s]*")
        with urlopen(message["SubscribeURL"], timeout=10):  # noqa: S310  checked
            out("confirmed the subscription")
    elif message["Type"] == NOTIFICATION:
        event = json.loads(message["Message"])
        if seen.add(event["eventId"]):
            out(json.dumps(event))


def handler(topic: str, emulator: str) -> type[BaseHTTPRequestHandler]:
    seen = Seen()

    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            if not length.isdecimal() or int(length) > MOST_BYTES:
                return self._answer(413)
            try:
                receive(verified(self.rfile.read(int(length)), topic, emulator), seen, topic, emulator)
            except Refused as error:
                print(f"refused: {error}", file=sys.stderr)
                return self._answer(403)
            except (URLError, OSError) as error:
                print(f"SNS cannot be asked: {error}", file=sys.stderr)
                return self._answer(503)  # SNS tries again
            self._answer(200)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print events and refusals only."""

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("topic", help="ARN of the topic, from the operator of the platform")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--emulator", default="", metavar="URL", help="where SNS is, if it is on this machine")
    options = parser.parse_args()
    server = ThreadingHTTPServer((options.host, options.port), handler(options.topic, options.emulator))
    print(f"listening on http://{options.host}:{server.server_port}/", flush=True)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
