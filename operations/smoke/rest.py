"""Call the deployed API as a client does, with urllib3, which boto3 brings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from deployer.aws.endpoint import is_on_this_machine

if TYPE_CHECKING:
    import urllib3

CONNECT_SECONDS, READ_SECONDS = 5.0, 35.0
"""API Gateway's integration timeout is 29 s."""

_SHOWN = 300
"""Characters shown of a response without an error document."""


@dataclass(frozen=True)
class Answer:
    """An HTTP response. `headers` by lower-case name; `status` 0: no response, `text` says why."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def document(self) -> dict:
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def request_id(self) -> str:
        ours = self.document.get("error", {})
        request_id = ours.get("requestId", "") if isinstance(ours, dict) else ""
        return request_id or self.headers.get("x-request-id") or self.headers.get("x-amzn-requestid", "")

    def brief(self) -> str:
        """Return the status and the error on one line."""
        error = self.document.get("error")
        if isinstance(error, dict) and "code" in error:
            details = "; ".join(map(str, error.get("details", ())))
            said = f"{error['code']}: {error.get('message', '')}" + f" ({details})" * bool(details)
        else:
            said = " ".join(self.text.split())[:_SHOWN]
        return f"{self.status} {said}".strip() if self.status else said


class Api:
    """Call the API with a key. Nothing is retried: a smoke test must not hide a failure.

    `ca_bundle`: the file of trusted certificates; None for the default ones.
    """

    def __init__(self, url: str, key: str, ca_bundle: str | None = None):
        self.url = url
        self._headers = {"x-api-key": key, "content-type": "application/json"}
        self._pool = pool(url, ca_bundle)

    def call(self, method: str, path: str, document: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        import urllib3

        body = None if document is None else json.dumps(document).encode()
        try:
            answer = self._pool.request(
                method, self.url + path, body=body, headers={**self._headers, **(headers or {})}
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:  # OSError: the bundle cannot be read
            return Answer(0, f"no answer ({type(error).__name__}: {error})")
        found = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, answer.data.decode(errors="replace"), found)


def pool(url: str, ca_bundle: str | None) -> "urllib3.PoolManager":
    """Return connections to the host of `url`, by the proxy of the environment variables if that leads there."""
    import urllib3

    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    options: dict[str, Any] = {"timeout": timeout, "retries": False, "ca_certs": ca_bundle, "maxsize": 16}
    proxy = proxy_of(url)
    return urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)


def proxy_of(url: str) -> str | None:
    """Return the proxy of the environment variables, as boto3 does; none to this machine."""
    parts = urlsplit(url)
    return None if is_on_this_machine(url) or proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
