"""The client's part: ask the emulator to start a function's process, or to run it under a debugger."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

from emulator import held
from emulator.development import DEBUG_PATH, START_PATH

HOST = "127.0.0.1"
PORT = 5678
"""Where debugpy's documentation and the editors' examples have it listen."""

START_SECONDS = 60


def start_error(endpoint_url: str, references: Sequence[str]) -> dict | None:
    """Start a process of the function, unless one waits; return the error of its initialization, as Lambda reports it.

    ``references``: ARNs; the first that exists counts.
    """
    target = urlsplit(endpoint_url)
    with closing(http.client.HTTPConnection(target.hostname or "", target.port, timeout=START_SECONDS)) as connection:
        connection.request("POST", START_PATH, json.dumps({"references": references}))
        response = connection.getresponse()
        return json.loads(response.read()) if response.status == http.client.OK else None


def free_port() -> int:
    """Return PORT, or another if something listens there."""
    for port in (PORT, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise OSError("there is no free port")


def code_folder(state_dir: Path, name: str) -> Path:
    """Return where the code of a function under the debugger is, the same after each update."""
    return state_dir / "tmp" / "debugged" / name


@contextmanager
def debugging(
    endpoint_url: str,
    references: Sequence[str],
    name: str,
    port: int,
    debugger: Path,
    on_report: Callable[[dict], None],
) -> Iterator[Event]:
    """Run the function under a debugger until the block ends. ``name``: of the folder with its code; ``debugger``: the
    folder of the package debugpy.

    A report has ``state``, waiting or running, and ``error``, why there is no process.
    """
    wanted = {"references": references, "name": name, "port": port, "debugger": str(debugger)}
    with held.opened(endpoint_url, DEBUG_PATH, wanted, on_report) as ended:
        yield ended
