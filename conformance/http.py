"""Requests to an API as its clients send them: unsigned, and without the settings of boto3."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import urllib3

from conformance import limits


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


def send(method: str, url: str, body: bytes | str | None, headers: Mapping[str, str]) -> Answer:
    """Send one request; names of headers with `_` for `-`."""
    limits.check()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    found = _pool().request(method, url, body=body, headers=sent)
    return Answer(found.status, found.headers, found.data.decode())


@cache
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(maxsize=16, retries=False, timeout=40, ca_certs=os.environ.get("AWS_CA_BUNDLE"))
