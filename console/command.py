"""Serve a page for a run on the emulator: place orders, watch them pass, redrive dead letters."""

import argparse
import os
import secrets
import sys
import webbrowser
from pathlib import Path
from typing import NoReturn

from config.environment import ConfigError, load
from console.deployment import Connection
from console.routes import Console
from console.server import Server
from console.watching import Watcher
from deployer.aws import local, service_errors
from deployer.errors import Exit, Failure

ROOT = Path(__file__).resolve().parent.parent


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(int(Exit.USAGE), f"console: {message}\n")


def parser() -> argparse.ArgumentParser:
    top = _Parser(prog="python -m console", description=__doc__, allow_abbrev=False)
    top.add_argument("--env", default="dev", metavar="NAME", help="environment (default: %(default)s)")
    top.add_argument("--local-dir", type=Path, metavar="DIR", help="the emulator's state (default: .local/emulator)")
    top.add_argument("--port", type=int, default=0, metavar="N", help="port on 127.0.0.1 (default: a free one)")
    top.add_argument("--no-browser", action="store_true", help="print the address only")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM; return the exit code. Print every failure as one line."""
    options = parser().parse_args(arguments)
    try:
        with _server(options) as server:
            print(f"The console is at  {server.url}\nCtrl-C ends it.", flush=True)
            if not options.no_browser and _has_display():
                webbrowser.open(server.url)
            server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        return int(Exit.OK)
    except Exception as error:
        failure = error if isinstance(error, Failure) else service_errors.explain(error)
        if failure is None:
            raise
        said = f"{failure.message}; {failure.hint}" if failure.hint else failure.message
        print(f"console: {' '.join(said.split())}", file=sys.stderr)
        return int(failure.code)
    return int(Exit.OK)


def _has_display() -> bool:
    """Return whether a browser opens a window: one in the terminal would keep this process waiting."""
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def _server(options: argparse.Namespace) -> Server:
    """Return a server that listens. Raises Failure if nothing is deployed, or the port is taken."""
    try:
        environment = load(options.env)
    except ConfigError as error:
        raise Failure(Exit.USAGE, str(error)) from None
    connection = Connection(environment, local.state_directory(ROOT, options.local_dir))
    connection.current()
    try:
        return Server(options.port, secrets.token_urlsafe(32), Console(connection, Watcher(connection.current)))
    except (OSError, OverflowError) as error:
        raise Failure(
            Exit.USAGE, f"port {options.port} cannot be used: {error}", "leave out --port for a free one"
        ) from None
