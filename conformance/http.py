"""Requests to an API as its clients send them: unsigned, and without the settings of boto3."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import urllib3

from conformance import limits
from operations.smoke import rest


@dataclass(frozen=True)
class Answer:
    """An HTTP response; `headers` compare without case."""

    status: int
    headers: "urllib3.HTTPHeaderDict"
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def document(self) -> dict:
        """The body; {} if it is no JSON object."""
        try:
            found = self.json
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def error(self) -> dict:
        """The error of the contract; {} without one."""
        found = self.document.get("error")
        return found if isinstance(found, dict) else {}


def send(method: str, url: str, body: bytes | str | None, headers: Mapping[str, str], ca_bundle: str | None) -> Answer:
    """Send one request; names of headers with `_` for `-`. `ca_bundle`: the session's."""
    limits.check()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    found = _pool(url, ca_bundle).request(method, url, body=body, headers=sent)
    return Answer(found.status, found.headers, found.data.decode())


def _pool(url: str, ca_bundle: str | None) -> "urllib3.PoolManager":
    host = urlsplit(url)
    return _pool_of(f"{host.scheme}://{host.netloc}", ca_bundle)


@cache
def _pool_of(host: str, ca_bundle: str | None) -> "urllib3.PoolManager":
    return rest.pool(host, ca_bundle)
