"""`--logs [FUNCTION]`: the log lines of all functions, merged by time; --order selects one order's trace, --follow polls."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from config import names
from deployer import connection, durations
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import outputs
from operations.logs import fetch, groups, lines
from operations.logs.lines import Line
from operations.logs.view import LogView
from operations.logs.view import as_json as line_as_json

RECENT, TRACE = 600.0, 86_400.0
"""Seconds to look back without --since: for all lines, and for an order's trace."""

INTERVAL, LOCAL_INTERVAL = 2.0, 0.3


def run(options: Options, ui: Ui, root: Path, out=None) -> dict:
    """Write the lines to standard output, everything else to `ui`, which is standard error's.

    --follow ends with Ctrl-C, exit code 0; with --output json it writes JSON Lines. Without it the report holds the lines.
    """
    if options.order is not None and not lines.is_order_id(options.order):
        raise Failure(Exit.USAGE, f"{options.order!r} is not an order ID", "expected fd-0f5e… or a partner's own ID")
    aws, stack = connection.deployed(ui, options, root)
    known = groups.chosen(options.env, outputs.of_stack(stack), options.function)
    if options.order is not None and options.function is None:
        known[groups.GATEWAY] = names.log_group(options.env, groups.GATEWAY)
    out = out or sys.stdout
    since = options.since or (TRACE if options.order else RECENT)
    start = int((time.time() - since) * 1000)
    look = _look(aws, known, options.order)
    view = LogView(out, known, frozenset({"order_id"} if options.order else ()))
    if options.follow:
        _follow(
            ui, out, view, look, start, LOCAL_INTERVAL if aws.on_this_machine else INTERVAL, options.output == "json"
        )
        return _report("followed", known)
    with ui.waiting("Read"):
        shown = _relevant(look(start))
    if options.output == "json":
        return _report("read", known, [line_as_json(line) for line in shown])
    with _ignore_closed_pipe(out):
        if not _show(view, shown):
            ui.line(
                f"No lines in the last {durations.words(timedelta(seconds=since))}{f' about order {options.order}' if options.order else ''}."
            )
    return _report("read", known)


def _look(aws: Aws, known: dict[str, str], order: str | None):
    """Return a function that reads the events since a time, of one order or of all."""
    if order is None:
        return lambda start: fetch.events(aws, known, start)
    trace = lines.OrderTrace(order)
    return lambda start: fetch.of_order(aws, known, trace, start)


def _follow(ui: Ui, out, view: LogView, look, start: int, pause: float, as_json: bool) -> None:
    def on_trouble(reason: str) -> None:
        ui.warn(f"CloudWatch does not answer; retrying, no line is lost: {reason}")

    ui.line("Following; Ctrl-C ends it.")
    with contextlib.suppress(KeyboardInterrupt), _ignore_closed_pipe(out):
        for batch in fetch.follow(lambda at: list(look(at)), start, pause, on_trouble):
            for line in _relevant(batch):
                if as_json:
                    out.write(json.dumps(line_as_json(line), separators=(",", ":")) + "\n")
                else:
                    view.show(line)
            out.flush()


def _relevant(events: Iterable[lines.Event]) -> Iterator[Line]:
    return (line for event in events if not (line := lines.read(event)).noise)


def _show(view: LogView, shown: Iterable[Line]) -> int:
    number = 0
    for number, line in enumerate(shown, 1):  # noqa: B007
        view.show(line)
    view.flush()
    return number


@contextlib.contextmanager
def _ignore_closed_pipe(out) -> Iterator[None]:
    """End quietly when the reader closes the pipe, as `head` does; Python's own flush at exit must not fail either."""
    try:
        yield
    except BrokenPipeError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def _report(result: str, known: dict[str, str], shown: list[dict] | None = None) -> dict:
    return {"result": result, "logGroups": known} | ({} if shown is None else {"lines": shown})
