"""`--watch`: deploy to the emulator, then bring each saved file into it: code within a second or two, all else by a deployment."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from http.client import HTTPException
from pathlib import Path

from deployer import connection
from deployer.aws import service_errors
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from operations.development import changes, debugging
from operations.development.rounds import Rounds

LOOK_EVERY_SECONDS = 1
"""Files are compared this often without an event, too: network drives send none."""

_NAMED = 3
_FATAL = (Exit.USAGE, Exit.PREFLIGHT, Exit.EMULATOR)
"""Exit codes of the first deployment that no saved source changes."""


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Watch until Ctrl-C or SIGTERM; then exit code 0. An error is shown, and the watch goes on."""
    if not options.local:
        raise Failure(Exit.USAGE, "--watch requires --local: it deploys without a question", "on AWS: --hotswap")
    if options.debug_function:
        debugging.check_installed()
    rounds = Rounds(options, connection.load_environment(options), root)
    settings = options.like or options.env  # a preview has no file
    before = changes.sources(root, settings)
    code = rounds.first()
    if code in _FATAL or code == Exit.INTERRUPTED:
        raise Failure(Exit(code), "the first deployment failed, so there is nothing to watch")
    _show_beginning(ui)
    with suppress(KeyboardInterrupt), debugging.kept(ui, rounds, options.debug_function) as debugged:
        runs = True
        for _ in _ticks(ui, root):
            runs = _show_emulator(ui, rounds, runs)
            while paths := changes.between(before, after := changes.sources(root, settings)):
                before = after
                runs = _round(ui, rounds, paths) or runs
            if debugged:
                debugged.keep()
    ui.line(f"The watch has ended after {rounds.number} rounds. The emulator runs on; --local --stop stops it.")
    return {"result": "ended", "rounds": rounds.number}


def _round(ui: Ui, rounds: Rounds, paths: list[str]) -> bool:
    """Carry out one round, and show it on one line, an error below it. Return whether it succeeded."""
    began = time.monotonic()
    named = ", ".join(paths[:_NAMED]) + (f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else "")
    failure = None
    try:
        with ui.waiting(named):
            done = rounds.carry_out(paths)
    except Exception as error:
        done, failure = "failed", error if isinstance(error, Failure) else service_errors.explain(error)
        if failure is None:
            raise
    mark, style = (ui.bad, "red") if failure else (ui.ok, "")
    ui.line(f"{mark} {datetime.now():%H:%M:%S} {named}: {done} ({time.monotonic() - began:.1f} s)", style)
    if failure:
        hint = "" if failure.code is Exit.PACKAGING else failure.hint  # to run the command again
        for line in [*failure.message.splitlines(), *hint.splitlines()]:
            ui.line(f"    {line}")
    ui.console.file.flush()
    if not failure:
        _start(ui, rounds, paths)
    return failure is None


def _start(ui: Ui, rounds: Rounds, paths: list[str]) -> None:
    """In the background, start the functions' processes, and show the errors of their imports."""

    def start() -> None:
        with suppress(Failure, OSError, HTTPException):  # the next round says so, if it matters
            for name, error in rounds.start_errors(paths, lambda: rounds.number == number):
                ui.line(f"{ui.bad} {name} cannot start: {error['errorType']}: {error['errorMessage']}", "red")
                for line in "".join(error.get("stackTrace", ())).splitlines():
                    ui.line(f"    {line}")
                ui.console.file.flush()

    number = rounds.number
    threading.Thread(target=start, daemon=True).start()


def _ticks(ui: Ui, root: Path) -> Iterator[None]:
    """Yield after each burst of events, and every second."""
    import watchfiles  # no other command needs it
    from watchfiles._rust_notify import WatchfilesRustInternalError

    yield  # what was saved during the first deployment
    milliseconds = int(LOOK_EVERY_SECONDS * 1000)
    try:
        for _ in watchfiles.watch(
            *changes.watched(root), watch_filter=None, rust_timeout=milliseconds, yield_on_timeout=True
        ):
            yield
    except (OSError, WatchfilesRustInternalError) as error:
        ui.warn(f"the system sends no events of files ({error}); they are compared every second")
    while True:
        time.sleep(LOOK_EVERY_SECONDS)
        yield


def _show_beginning(ui: Ui) -> None:
    watched = ", ".join([*changes.FOLDERS, "the environment's settings", "requirements/layer.txt"])
    ui.line(f"{ui.ok} {'Watch':<10} {watched}; until Ctrl-C")
    ui.console.file.flush()  # a script waits for this line


def _show_emulator(ui: Ui, rounds: Rounds, ran: bool) -> bool:
    """Say once that the emulator has stopped."""
    runs = rounds.emulator_runs
    if ran and not runs:
        ui.warn("the emulator has stopped; the next change starts it again")
        ui.console.file.flush()
    return runs
