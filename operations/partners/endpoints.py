"""Where a partner wants its events: an HTTPS URL or an SQS queue, judged before SNS is asked."""

import ipaddress
import re
from collections.abc import Container
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

HTTPS, HTTP, SQS = "https", "http", "sqs"

_QUEUE = re.compile(r"arn:(aws[a-z-]*):sqs:([a-z0-9-]+):(\d{12}):([A-Za-z0-9_-]{1,80})(\.fifo)?")
_LOCAL_NAMES = ("localhost", "local", "internal", "lan", "home.arpa")


class EndpointError(ValueError):
    """An endpoint that is refused. Its text does not repeat the endpoint, which may hold a secret."""


@dataclass(frozen=True)
class Endpoint:
    """`value`: as SNS gets it; `protocol`: SNS's."""

    protocol: str
    value: str

    @property
    def shown(self) -> str:
        """For screens and reports: without the query, which may hold a secret."""
        return without_query(self.value)


def without_query(value: str) -> str:
    start, mark, _ = value.partition("?")
    return f"{start}?…" if mark else value


def account_of(queue: str) -> str:
    """Account of a queue's or a topic's ARN."""
    return queue.split(":")[4]


def parse(value: str, topic: str, own_queues: Container[str] = (), local: bool = False) -> Endpoint:
    """Return the endpoint for a subscription of `topic`, an ARN. Raises EndpointError saying what is wrong.

    `own_queues`: names of the platform's queues. `local`: SNS is on this machine, and reaches HTTP and loopback.
    """
    if value.startswith("arn:"):
        return Endpoint(SQS, _queue(value, topic, own_queues))
    return Endpoint(*_url(value, local))


def _queue(arn: str, topic: str, own_queues: Container[str]) -> str:
    found = _QUEUE.fullmatch(arn)
    if not found:
        raise EndpointError("the ARN is not that of an SQS queue: arn:aws:sqs:<region>:<account>:<name>")
    partition, _, account, name, fifo = found.groups()
    if fifo:
        raise EndpointError("SNS delivers from a standard topic to standard queues only, and this is a FIFO queue")
    if partition != topic.split(":")[1]:
        raise EndpointError(f"the queue is in the partition {partition}, the topic in {topic.split(':')[1]}")
    if account == account_of(topic) and name in own_queues:
        raise EndpointError("this queue belongs to the platform, which would take the events for orders or failures")
    return arn


def _url(text: str, local: bool) -> tuple[str, str]:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise EndpointError("the URL has spaces, control characters or letters beyond ASCII: escape them")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise EndpointError(f"this is no URL: {error}") from None
    if url.scheme not in (HTTPS, HTTP) or not url.hostname:
        raise EndpointError("the endpoint must be an https:// URL or the ARN of an SQS queue")
    if url.username is not None or url.password is not None:
        raise EndpointError("the URL has a user or password: whoever may list the topic's subscriptions could read it")
    if url.fragment or text.endswith("#"):
        raise EndpointError("the URL has a fragment, which no request carries")
    if port == 0:
        raise EndpointError("the URL has port 0")
    if not local:
        _public(url)
    return url.scheme, text


def _public(url: SplitResult) -> None:
    """Refuse what SNS, on the Internet, cannot reach or must not. No name is resolved: its address may change."""
    if url.scheme != HTTPS:
        raise EndpointError("events name customers and travel encrypted only: the endpoint must be an https:// URL")
    host = (url.hostname or "").rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", host.rpartition(".")[2]):
            raise EndpointError("the host is an address in a form that clients read differently") from None
        if "." not in host or host.endswith(tuple(f".{name}" for name in _LOCAL_NAMES)):
            raise EndpointError("the host is a local name, which SNS cannot resolve") from None
        return
    if not address.is_global or address.is_multicast:
        raise EndpointError("the host is a private, loopback or reserved address, which SNS cannot reach")
