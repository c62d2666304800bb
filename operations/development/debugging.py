"""`--debug-function NAME`: the function's process waits for a debugger; debugpy listens on a port of this machine."""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from threading import Event
from typing import Any

from deployer.errors import Exit, Failure
from deployer.show.ui import Ui
from deployer.stacks import function_code
from emulator.development import client
from operations.development.rounds import Rounds, references
from operations.logs import groups

_SAID = {
    "waiting": "waits for a debugger; its calls wait, too",
    "running": "runs under the debugger",
}


class Debugging:
    """One function under a debugger, for as long as the watch runs."""

    def __init__(self, ui: Ui, rounds: Rounds, wanted: str):
        self.ui, self.rounds, self.wanted = ui, rounds, wanted
        self.debugger = _debugger()
        self.port = client.free_port()
        self.ended: Event | None = None
        self.held = ExitStack()
        self.said = ""

    def keep(self) -> None:
        """Begin, and begin again after the emulator was restarted; do nothing while it does not run."""
        if self.ended and not self.ended.is_set():
            return
        self.held.close()
        if not (deployed := self.rounds.deployed()):
            return
        name, physical = self._function(deployed[1])
        begin = client.debugging(
            deployed[0].endpoint_url or "",
            references(*deployed, physical),
            name,
            self.port,
            self.debugger,
            lambda report: self._show(name, report),
        )
        with suppress(OSError, HTTPException):  # the emulator is about to stop
            first, self.ended = self.ended is None, self.held.enter_context(begin)
            if first:
                self._show_configuration(name)

    def _function(self, stack: Mapping[str, Any]) -> tuple[str, str]:
        """Return name, such as orders-query, and physical name. Raises Failure(USAGE) listing the names."""
        functions = {groups.dashed(key): name for key, name in function_code.functions(stack).items()}
        name = next((each for each in functions if groups.plain(each) == groups.plain(self.wanted)), None)
        if name is None:
            raise Failure(Exit.USAGE, f"there is no function {self.wanted!r}", f"the functions: {', '.join(functions)}")
        return name, functions[name]

    def _show(self, name: str, report: Mapping[str, str]) -> None:
        said = report["error"] or _SAID.get(report["state"], "")
        if said and said != self.said:
            self.said = said
            self.ui.line(f"  {name} {said}" if not report["error"] else f"  {name} cannot start: {said}")
            self.ui.console.file.flush()

    def _show_configuration(self, name: str) -> None:
        self.ui.line(
            f"{self.ui.ok} {'Debug':<10} {name} listens on {client.HOST}:{self.port}; for VS Code's launch.json:"
        )
        for line in json.dumps(self.configuration(name), indent=2).splitlines():
            self.ui.line(f"  {line}")
        self.ui.console.file.flush()

    def configuration(self, name: str) -> dict:
        """Return the launch configuration of VS Code's Python Debugger, which maps the unpacked code to the sources."""
        return {
            "name": f"Food delivery: {name}",
            "type": "debugpy",
            "request": "attach",
            "connect": {"host": client.HOST, "port": self.port},
            "pathMappings": [
                {
                    "localRoot": str(self.rounds.root),
                    "remoteRoot": str(client.code_folder(self.rounds.state_directory, name)),
                }
            ],
            "justMyCode": True,
        }


@contextmanager
def kept(ui: Ui, rounds: Rounds, wanted: str | None) -> Iterator[Debugging | None]:
    """Debug the function, if any, until the block ends."""
    if wanted is None:
        yield None
        return
    debugging = Debugging(ui, rounds, wanted)
    with debugging.held:
        yield debugging


def check_installed() -> None:
    """Raise Failure(USAGE) if debugpy is not installed."""
    _debugger()


def _debugger() -> Path:
    found = importlib.util.find_spec("debugpy")
    if found is None or not found.origin:
        raise Failure(
            Exit.USAGE,
            "--debug-function needs the Python package debugpy, which is not installed",
            "make setup installs it; or: .venv/bin/python -m pip install debugpy",
        )
    return Path(found.origin).parent
