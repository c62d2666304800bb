"""A request that holds: what it asked for lasts while its client stays connected, so nothing remains of one that is killed."""

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

ANSWER_SECONDS = 30
REPORT_SECONDS = 0.2


async def serve(receive: Callable, send: Callable, report: Callable[[], Any]) -> None:
    """Send ``report()`` as a JSON line several times a second, until the client disconnects."""
    gone = asyncio.ensure_future(receive())  # the next message is the end of the connection
    try:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/jsonl")]})
        while not gone.done():
            line = json.dumps(report()).encode() + b"\n"
            await send({"type": "http.response.body", "body": line, "more_body": True})
            await asyncio.wait([gone], timeout=REPORT_SECONDS)
    finally:
        gone.cancel()


async def body(receive: Callable) -> bytes:
    """Read the body of a request."""
    found = b""
    while True:
        message = await receive()
        found += message.get("body", b"")
        if not message.get("more_body"):
            return found


@contextmanager
def opened(endpoint_url: str, path: str, document: Any, on_report: Callable[[Any], None]) -> Iterator[threading.Event]:
    """Hold a request until the block ends. Yield an event that is set when the emulator has ended it.

    ``on_report`` gets each report, in another thread.
    """
    target = urlsplit(endpoint_url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=ANSWER_SECONDS)
    connection.request("POST", path, json.dumps(document))
    channel = connection.sock  # the response takes it over
    response = connection.getresponse()
    if response.status != http.client.OK:
        raise RuntimeError(f"the emulator answers {path} with {response.status}; emulator.log says why")
    ended = threading.Event()
    reader = threading.Thread(target=_read, args=(response, on_report, ended), daemon=True)
    reader.start()
    try:
        yield ended
    finally:
        with suppress(OSError):
            channel.shutdown(socket.SHUT_WR)
        reader.join()
        connection.close()


def _read(response: http.client.HTTPResponse, on_report: Callable[[Any], None], ended: threading.Event) -> None:
    with suppress(OSError, http.client.HTTPException), response:
        while line := response.readline():
            on_report(json.loads(line))
    ended.set()
