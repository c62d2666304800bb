"""The client's part of a session: the emulator injects the rules while this process is connected."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from emulator.faults import FAULTS_PATH
from emulator.faults.rules import Rule

ANSWER_SECONDS = 30


@dataclass(frozen=True)
class Counts:
    """Calls that a rule matched, those that it changed, and those that wait at present."""

    matched: int = 0
    injected: int = 0
    waiting: int = 0


@dataclass
class Session:
    """`counts`: those of each rule, renewed several times a second. `ended`: the emulator no longer injects."""

    counts: list[Counts]
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def inject(endpoint_url: str, rules: Sequence[Rule], functions: Mapping[str, str], seed: int = 0) -> Iterator[Session]:
    """Inject the rules until the block ends; after it, no call is changed any more.

    ``functions``: the name that rules use -> physical name.
    """
    target = urlsplit(endpoint_url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=ANSWER_SECONDS)
    wanted = {
        "rules": [rule.model_dump(exclude_unset=True) for rule in rules],
        "functions": {physical: name for name, physical in functions.items()},
        "seed": seed,
    }
    connection.request("POST", FAULTS_PATH, json.dumps(wanted))
    channel = connection.sock  # the response takes it over
    response = connection.getresponse()
    if response.status != http.client.OK:
        raise RuntimeError(f"the emulator cannot inject faults: status {response.status}; emulator.log says why")
    session = Session([Counts() for _ in rules])
    reader = threading.Thread(target=_read, args=(response, session), daemon=True)
    reader.start()
    try:
        yield session
    finally:
        with suppress(OSError):
            channel.shutdown(socket.SHUT_WR)
        reader.join()
        connection.close()


def _read(response: http.client.HTTPResponse, session: Session) -> None:
    """Keep the counts up to date until the emulator closes the connection, having dropped the rules."""
    with suppress(OSError, http.client.HTTPException), response:
        while line := response.readline():
            session.counts = [Counts(**each) for each in json.loads(line)]
    session.ended.set()
