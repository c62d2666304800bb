"""The deployed platform, as a probe sees it."""

from functools import cached_property
from typing import Any

from config import environment
from conformance import http
from conformance.account import Account
from conformance.http import Answer


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

    def for_probe(self) -> "Environment":
        """Return the same environment for one probe, whose `account.made` is its own."""
        return Environment(self.account.for_probe(), self.settings, self.outputs)

    def call(
        self, method: str, path: str, body: bytes | str | None = None, *, key: bool = True, **headers: str
    ) -> Answer:
        """Send one request to the API, as a client would; `headers` with `_` for `-`."""
        if key:
            headers["x-api-key"] = self.api_key
        return http.send(method, self.outputs["ApiUrl"] + path, body, headers)
