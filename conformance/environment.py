"""The deployed platform, as a probe sees it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import urllib3

from config import environment
from conformance.account import Account


@dataclass(frozen=True)
class Answer:
    """An HTTP response; `headers` compare without case."""

    status: int
    headers: "urllib3.HTTPHeaderDict"
    text: str


class Environment:
    """One deployed environment: its settings, its outputs, and its API.

    Data that probes write carry `account.mark`: customers are `CONFORMANCE-…`, keys and files begin with it.
    """

    def __init__(self, account: Account, settings: environment.Environment, outputs: dict[str, str]):
        self.account, self.settings, self.outputs = account, settings, outputs

    def client(self, service: Any) -> Any:
        return self.account.client(service)

    @cached_property
    def api_key(self) -> str:
        key = self.client("apigateway").get_api_key(apiKey=self.outputs["ApiKeyId"], includeValue=True)
        return key["value"]

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        return urllib3.PoolManager(retries=False, timeout=40)

    def call(
        self, method: str, path: str, body: bytes | str | None = None, *, key: bool = True, **headers: str
    ) -> Answer:
        """Send one request to the API, as a client would; `headers` with `_` for `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            sent["x-api-key"] = self.api_key
        found = self._pool.request(method, self.outputs["ApiUrl"] + path, body=body, headers=sent)
        return Answer(found.status, found.headers, found.data.decode())
