"""What each path of the console does. Documents go in and out as JSON; a Failure is answered with its message."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

from config import names
from console import letters, ordering, picture, uploads
from console.deployment import Connection
from console.watching import Watcher
from contract.schemas import STATUSES
from deployer.errors import Exit, Failure
from preview import dashboard

PAGE = Path(__file__).resolve().parent / "page"
MINUTES = 30
"""How far back the dashboard shows."""

OWN_CONTENT = "default-src 'none'; {} frame-ancestors {}; base-uri 'none'; form-action 'none'"
_PAGE_LOADS = "script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-src 'self';"
PAGE_POLICY = OWN_CONTENT.format(_PAGE_LOADS, "'none'")
DASHBOARD_POLICY = OWN_CONTENT.format("style-src 'unsafe-inline';", "'self'")

Fields = Mapping[str, Any]


class Content(NamedTuple):
    """A response that is not JSON."""

    kind: str
    body: bytes
    policy: str = PAGE_POLICY


class Unknown(Exception):
    """There is no such path, or not with this method; `allowed`: the methods that the path has."""

    def __init__(self, allowed: tuple[str, ...] = ()):
        super().__init__("there is no such page")
        self.allowed = allowed
        self.status = HTTPStatus.METHOD_NOT_ALLOWED if allowed else HTTPStatus.NOT_FOUND


@dataclass(frozen=True)
class Console:
    """What the routes work on. `dashboards`: the declared body by the stack's id and last update; reading it is slow."""

    connection: Connection
    watcher: Watcher
    dashboards: dict[tuple, str] = field(default_factory=dict)


def answer(console: Console, method: str, path: str, fields: Fields) -> Content | dict:
    """Return the answer of a route to the fields of its query or body. Raises Unknown, Failure, botocore's exceptions."""
    route = _ROUTES.get((method, path))
    if route is None:
        raise Unknown(tuple(known for known, its in _ROUTES if its == path))
    return route(console, fields)


def _file(name: str, kind: str) -> Callable[[Console, Fields], Content]:
    return lambda console, fields: Content(kind, (PAGE / name).read_bytes())


def _start(console: Console, fields: Fields) -> dict:
    """Return what does not change while the page is open."""
    return {"picture": picture.drawn(), "examples": ordering.examples(), "files": uploads.files()}


def _dashboard(console: Console, fields: Fields) -> Content:
    """Draw the dashboard that the templates declare: dev has none, but most of its metrics."""
    deployment = console.connection.current()
    name = names.root_stack(deployment.environment.name)
    stack = deployment.stack
    key = stack["StackId"], stack.get("LastUpdatedTime")
    body = console.dashboards[key] = console.dashboards.get(key) or dashboard.declared(deployment.aws, stack)
    window = dashboard.window_until(time.time(), MINUTES)
    page, _ = dashboard.draw(deployment.aws.client("cloudwatch"), name, body, "this run", window)
    return Content("text/html; charset=utf-8", page.encode(), DASHBOARD_POLICY)


def _place(console: Console, fields: Fields) -> dict:
    how = _text(fields, "how")
    if how not in ("sync", "async"):
        raise Failure(Exit.USAGE, "how must be sync or async")
    return ordering.place(console.connection.current(), _text(fields, "key"), how, fields.get("order"))


def _advance(console: Console, fields: Fields) -> dict:
    version, status = fields.get("version"), _text(fields, "status")
    if type(version) is not int or status not in STATUSES:
        raise Failure(Exit.USAGE, "version must be a number, and status one of an order")
    current = console.connection.current()
    return ordering.advance(current, _text(fields, "key"), _text(fields, "orderId"), version, status)


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise Failure(Exit.USAGE, f"{name} must be text")
    return value


_ROUTES: dict[tuple[str, str], Callable[[Console, Fields], Content | dict]] = {
    ("GET", "/"): _file("index.html", "text/html; charset=utf-8"),
    ("GET", "/console.js"): _file("console.js", "text/javascript; charset=utf-8"),
    ("GET", "/console.css"): _file("console.css", "text/css; charset=utf-8"),
    ("GET", "/start"): _start,
    ("GET", "/state"): lambda console, fields: console.watcher.state(),
    ("GET", "/dashboard"): _dashboard,
    ("GET", "/order"): lambda console, fields: ordering.read(
        console.connection.current(), _text(fields, "key"), _text(fields, "orderId")
    ),
    ("GET", "/dead-letters"): lambda console, fields: letters.listed(
        console.connection.current(), _text(fields, "queue")
    ),
    ("GET", "/dead-letter"): lambda console, fields: letters.body(
        console.connection.current(), _text(fields, "queue"), _text(fields, "message")
    ),
    ("GET", "/report"): lambda console, fields: uploads.report(
        console.connection.current(), _text(fields, "key"), _text(fields, "version")
    ),
    ("POST", "/orders"): _place,
    ("POST", "/random"): lambda console, fields: ordering.place_random(
        console.connection.current(), _text(fields, "key")
    ),
    ("POST", "/conflict"): lambda console, fields: ordering.place_conflict(
        console.connection.current(), _text(fields, "key")
    ),
    ("POST", "/status"): _advance,
    ("POST", "/redrive"): lambda console, fields: letters.move_back(
        console.connection.current(), _text(fields, "queue")
    ),
    ("POST", "/upload"): lambda console, fields: uploads.upload(console.connection.current(), _text(fields, "file")),
}
