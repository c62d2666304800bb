"""`--logs [FUNCTION]`: what the functions say, together and in order; with --order, one order's story; with --follow,
on and on."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from config import names
from deployer import durations
from deployer.aws import connection
from deployer.commands.options import Options
from deployer.errors import Exit, Failure
from deployer.logs import groups, lines, reading
from deployer.logs.lines import Line
from deployer.show import log_view
from deployer.show.log_view import LogView
from deployer.show.ui import Ui
from deployer.stacks import outputs

RECENT, STORY = 600.0, 86_400.0
"""Seconds that are looked back over without --since: the latest lines, or those of an order, which may be of yesterday."""

PAUSE, LOCAL_PAUSE = 2.0, 0.3


def run(options: Options, ui: Ui, root: Path, out=None) -> dict:
    """The lines go to standard output, everything else through `ui`, which should be standard error's.

    Following ends with Ctrl-C, and well: there is no other end. With --output json it writes JSON Lines as they come;
    without --follow the report holds the lines.
    """
    if options.order is not None and not lines.is_order_id(options.order):
        raise Failure(
            Exit.USAGE, f"{options.order!r} is not an order's id", "it looks like fd-0f5e… or a partner's own"
        )
    aws, stack = connection.deployed(ui, options, root)
    known = groups.chosen(options.env, outputs.of_stack(stack), options.function)
    if options.order is not None and options.function is None:
        known[groups.GATEWAY] = names.log_group(options.env, groups.GATEWAY)
    out = out or sys.stdout
    since = options.since or (STORY if options.order else RECENT)
    start = int((time.time() - since) * 1000)
    look = _look(aws, known, options.order)
    view = LogView(out, known, frozenset({"order_id"} if options.order else ()))
    if options.follow:
        _follow(ui, out, view, look, start, LOCAL_PAUSE if aws.local else PAUSE, options.output == "json")
        return _report("followed", known)
    with ui.waiting("Read"):
        shown = _worth_showing(look(start))
    if options.output == "json":
        return _report("read", known, [log_view.as_json(line) for line in shown])
    with _until_the_reader_leaves(out):
        if not _show(view, shown):
            ui.line(
                f"No lines in the last {durations.words(timedelta(seconds=since))}{f' about order {options.order}' if options.order else ''}."
            )
    return _report("read", known)


def _look(aws, known: dict[str, str], order: str | None):
    """What reads all events since a time, of one order or of all."""
    if order is None:
        return lambda start: reading.events(aws, known, start)
    story = lines.Story(order)
    return lambda start: reading.of_order(aws, known, story, start)


def _follow(ui: Ui, out, view: LogView, look, start: int, pause: float, as_json: bool) -> None:
    def on_trouble(reason: str) -> None:
        ui.warn(f"CloudWatch does not answer now; going on, nothing is lost: {reason}")

    ui.line("Following; Ctrl-C ends it.")
    with contextlib.suppress(KeyboardInterrupt), _until_the_reader_leaves(out):
        for batch in reading.follow(lambda at: list(look(at)), start, pause, on_trouble):
            for line in _worth_showing(batch):
                if as_json:
                    out.write(json.dumps(log_view.as_json(line), separators=(",", ":")) + "\n")
                else:
                    view.show(line)
            out.flush()


def _worth_showing(events: Iterable[lines.Event]) -> Iterator[Line]:
    return (line for event in events if not (line := lines.read(event)).noise)


def _show(view: LogView, shown: Iterable[Line]) -> int:
    number = 0
    for number, line in enumerate(shown, 1):  # noqa: B007
        view.show(line)
    view.flush()
    return number


@contextlib.contextmanager
def _until_the_reader_leaves(out) -> Iterator[None]:
    """`--logs | head` closes the pipe: no failure. Python must not find it closed when it ends, either."""
    try:
        yield
    except BrokenPipeError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def _report(result: str, known: dict[str, str], shown: list[dict] | None = None) -> dict:
    return {"result": result, "logGroups": known} | ({} if shown is None else {"lines": shown})
