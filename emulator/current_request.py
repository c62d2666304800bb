"""The REST API request that is being answered.

MiniStack passes parts of it to its functions; the patches of API Gateway need all of it.
"""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field

import ministack.app as ministack
from hypercorn.config import Config
from ministack.services import apigateway_v1 as api_gateway


@dataclass
class ApiRequest:
    """One request to a REST API."""

    gateway: dict
    """MiniStack's record: request_id, stage, resource_path, path_params ..."""
    method: str
    path: str
    """Below the stage."""
    url_path: str
    """The whole path of the URL, as the client sent it."""
    headers: list[tuple[str, str]]
    """As the client sent them: spelling, order and repetitions included."""
    query: dict
    body: bytes
    started: float = field(default_factory=time.time)
    integration_seconds: float | None = None
    refused_as: str = "-"
    """The type of the gateway response, if one is the answer."""

    def header(self, name: str) -> str:
        """Return the last value of a header, in any spelling; "" if it is missing."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name.lower()), "")


_raw_headers: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("raw_headers", default=())
_url_path: ContextVar[str] = ContextVar("url_path", default="")
_current: ContextVar[ApiRequest | None] = ContextVar("api_request", default=None)
_installed = False

checks: list = []
"""Called with each request before anything else; an error that one returns is the answer."""


def current() -> ApiRequest | None:
    """Return the request that is being answered, if it is one to a REST API."""
    return _current.get()


def follow() -> None:
    """Keep ``current`` up to date from now on. Each patch that needs it calls this."""
    global _installed
    if _installed:
        return
    _installed = True
    Config.h11_pass_raw_headers = True  # else names arrive in lower case
    app, execute = ministack.app, api_gateway._execute_in_scope

    async def app_with_headers(scope, receive, send):
        if scope["type"] == "http":
            _raw_headers.set(
                tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
            )
            _url_path.set(scope["raw_path"].decode("latin-1"))
        await app(scope, receive, send)

    async def execute_current(request, api_id, stage_name, method, path, headers, body, query, *owner):
        raw = list(_raw_headers.get() or headers.items())
        current = ApiRequest(request, method, path, _url_path.get(), raw, query or {}, body or b"")
        _current.set(current)
        for check in checks:
            if error := check(current):
                return error
        return await execute(request, api_id, stage_name, method, path, headers, body, query, *owner)

    ministack.app = app_with_headers
    api_gateway._execute_in_scope = execute_current
