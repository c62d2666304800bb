"""The part that runs in the emulator: it injects the faults of each session into the calls of functions.

A session is one HTTP request to ``FAULTS_PATH``. Its rules hold while its client stays connected, so nothing remains of
a client that is killed. The response reports the counts of each rule, one JSON line at a time.
"""

import asyncio
import json
import random
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from ministack.core import iam_actions
from ministack.core.responses import request_scope
from ministack.services import dynamodb, sts

from emulator import held
from emulator.faults import FAULTS_PATH, calls
from emulator.faults.rules import Rule
from emulator.patches.service_metrics import record

_WRITES = ("Put", "Update", "Delete", "TransactWrite", "BatchWrite", "Execute", "BatchExecute")
_sessions: list["Session"] = []


@dataclass(frozen=True)
class Call:
    """A call of a function to a service."""

    function: str
    account: str
    region: str
    service: str
    operation: str
    headers: dict[str, str]
    body: bytes


@dataclass
class ActiveRule:
    """A rule of a session, and the counts that the session reports."""

    rule: Rule
    chance: random.Random
    matched: int = 0
    injected: int = 0
    waiting: int = 0

    def strikes(self) -> bool:
        """Count a call that the rule matches, and decide whether it fails."""
        self.matched += 1
        strikes = self.matched % self.rule.every == 0 and self.chance.random() < self.rule.probability
        self.injected += strikes
        return strikes


@dataclass
class Session:
    """The rules of one client. ``functions``: physical name -> the name that rules use."""

    rules: list[ActiveRule]
    functions: dict[str, str]
    started: float = field(default_factory=time.monotonic)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def fault(self, call: Call) -> Rule | None:
        """Wait as long as latency rules say; return the first other rule that strikes."""
        for active in [each for each in self.rules if self._matches(each.rule, call)]:
            if not active.strikes():
                continue
            if active.rule.kind != "latency":
                return active.rule
            active.waiting += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), active.rule.milliseconds / 1000)
            active.waiting -= 1
        return None

    def counts(self) -> list[dict[str, int]]:
        return [{name: getattr(each, name) for name in ("matched", "injected", "waiting")} for each in self.rules]

    def _matches(self, rule: Rule, call: Call) -> bool:
        age = time.monotonic() - self.started - rule.after
        return (
            rule.service == call.service
            and (not rule.operations or call.operation in rule.operations)
            and call.function in self.functions
            and rule.function in ("", self.functions[call.function])
            and 0 <= age < (rule.seconds or float("inf"))
        )


def around(inner: Callable) -> Callable:
    """Return an ASGI application that serves ``FAULTS_PATH`` and injects faults into what functions call."""

    async def app(scope, receive, send):
        if scope["type"] == "http" and scope["path"] == FAULTS_PATH:
            return await _serve(receive, send)
        if scope["type"] != "http" or not _sessions or not (call := await _call(scope, receive)):
            return await inner(scope, receive, send)

        async def carry_out(send_to):
            await inner(scope, _replay(call.body, receive), send_to)

        for session in list(_sessions):
            if rule := await session.fault(call):
                return await _inject(rule, call, carry_out, send)
        await carry_out(send)

    return app


async def _call(scope: dict, receive: Callable) -> Call | None:
    """Read the request if it is a function's call of a service that rules know."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    key, region, service = calls.signature(headers)
    caller = sts._sessions.get(key)
    if not caller or service not in calls.SERVICES:
        return None
    body = await held.body(receive)
    query = scope["query_string"].decode("latin-1")
    operation = calls.operation(service, scope["method"], scope["path"], query, headers, body)
    *_, account, role = caller["Arn"].split(":")
    return Call(role.rpartition("/")[2], account, region, service, operation, headers, body)


async def _serve(receive, send) -> None:
    """Hold a session until its client disconnects."""
    given = json.loads(await held.body(receive))
    rules = [ActiveRule(Rule(**each), random.Random(f"{given['seed']}/{n}")) for n, each in enumerate(given["rules"])]  # noqa: S311
    session = Session(rules, given["functions"])
    _sessions.append(session)
    try:
        await held.serve(receive, send, session.counts)
    finally:
        _sessions.remove(session)
        session.ended.set()


async def _inject(rule: Rule, call: Call, carry_out: Callable, send) -> None:
    if rule.kind in ("error", "throttle"):
        code, status = rule.answer
        _record(rule, call, status)
        await _answer(send, status, *_error(call, code))
        return
    if rule.kind != "drop":
        await carry_out(_discard)
    if rule.kind == "duplicate":
        await carry_out(send)
    else:
        _hang_up(send)


def _error(call: Call, code: str) -> tuple[dict, bytes]:
    """Return headers and body of an error in the form of the service's protocol."""
    _, answered, body = iam_actions.access_denied_response(
        call.service,
        call.operation,
        "",
        str(uuid.uuid4()),
        error_code=code,
        message="Injected by deploy.py --faults",
        headers=call.headers,
    )
    return answered, body


def _record(rule: Rule, call: Call, status: int) -> None:
    """Record DynamoDB's metrics of throttled and failed requests."""
    if call.service != "dynamodb":
        return
    with request_scope(call.account, call.region):
        for table in [name for name in dynamodb._tables if name.encode() in call.body]:
            where = {"TableName": table}
            if rule.kind == "throttle":
                direction = "Write" if call.operation.startswith(_WRITES) else "Read"
                record("AWS/DynamoDB", f"{direction}ThrottleEvents", 1, "Count", where | _index(call))
                record("AWS/DynamoDB", "ThrottledRequests", 1, "Count", where | {"Operation": call.operation})
            elif status >= 500:
                record("AWS/DynamoDB", "SystemErrors", 1, "Count", where | {"Operation": call.operation})


def _index(call: Call) -> dict[str, str]:
    index = json.loads(call.body).get("IndexName")
    return {"GlobalSecondaryIndexName": index} if index else {}


async def _answer(send, status: int, headers: dict, body: bytes) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def _discard(message: dict) -> None:
    pass


def _hang_up(send) -> None:
    """Close the connection without an answer, which ASGI has no message for: through hypercorn's stream."""
    stream = send.__self__
    stream.closed = True  # else it answers 500
    stream.send.__self__.send.__self__.writer.transport.abort()


def _replay(body: bytes, receive) -> Callable:
    """Return a ``receive`` that gives the body, which has been read, again."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed():
        return messages.pop() if messages else await receive()

    return replayed
