"""Draw the dashboard of a deployed environment with its metrics as one HTML page."""

import argparse
import math
import sys
import time
from pathlib import Path
from typing import NoReturn

from config import names
from config.environment import ConfigError, Environment, load
from deployer.aws import local, service_errors, session
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from emulator import control, ownership
from preview import numbers, page, series, widgets
from preview.shapes import AlarmList, Chart, Window

ROOT = Path(__file__).resolve().parent.parent
TWO_WEEKS = 14 * 24 * 60
"""Metrics by the minute are kept for about this many minutes."""
PERIODS = (60, 300, 900, 3600, 21600)
MOST_POINTS = 60


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(int(Exit.USAGE), f"preview: {message}\n")


def parser() -> argparse.ArgumentParser:
    top = _Parser(prog="python -m preview", description=__doc__, allow_abbrev=False)
    top.add_argument("--local", action="store_true", help="from the emulator that deploy.py --local has started")
    top.add_argument("--local-dir", type=Path, metavar="DIR", help="the emulator's state (default: .local/emulator)")
    top.add_argument("--env", default="staging", metavar="NAME", help="environment (default: %(default)s)")
    top.add_argument("--minutes", type=float, default=30, help="how far back (default: %(default)s)")
    top.add_argument(
        "-o", "--output", type=Path, default=ROOT / "docs" / "dashboard.html", help="default: docs/dashboard.html"
    )
    return top


def main(arguments: list[str] | None = None, now: float | None = None) -> int:
    """Return the exit code; print every failure as one line. `now` is the end of the time shown."""
    options = parser().parse_args(arguments)
    try:
        print(run(options, time.time() if now is None else now))
    except (Exception, KeyboardInterrupt) as error:
        failure = _failure(error)
        said = f"{failure.message}; {failure.hint}" if failure.hint else failure.message
        print(f"preview: {' '.join(said.split())}", file=sys.stderr)
        return int(failure.code)
    return int(Exit.OK)


def run(options: argparse.Namespace, now: float) -> str:
    """Write the page; return a line that says so."""
    if not 0 < options.minutes <= TWO_WEEKS:
        raise Failure(Exit.USAGE, f"--minutes must be above 0 and at most {TWO_WEEKS}")
    try:
        environment = load(options.env)
    except ConfigError as error:
        raise Failure(Exit.USAGE, str(error)) from None
    aws = _local(environment, options.local_dir) if options.local else session.connect(environment)
    source = "a local run" if options.local else f"{aws.region}{aws.elsewhere}"
    window = window_until(now, options.minutes)
    text, counted = _preview(aws.client("cloudwatch"), names.root_stack(options.env), source, window)
    try:
        options.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(Exit.USAGE, f"{options.output} cannot be written: {error.strerror}") from None
    return f"{options.output}: {counted}"


def _local(environment: Environment, local_dir: Path | None) -> Aws:
    """Return a session with the local emulator. Raises Failure(EMULATOR or PREFLIGHT) if it does not run."""
    directory = local.state_directory(ROOT, local_dir)
    found = control.running(directory)
    if not found and ownership.in_use(directory):
        raise Failure(Exit.EMULATOR, "the emulator runs, but does not answer", "wait, or stop it: make stop")
    if not found:
        raise Failure(Exit.PREFLIGHT, "there is no emulator running", "make run")
    return session.connect_local(environment, control.environment(found))


def _preview(cloudwatch, name: str, source: str, window: Window) -> tuple[str, str]:
    shown = widgets.normalise(_widgets(cloudwatch, name), window)
    charts = [widget for widget in shown if isinstance(widget, Chart)]
    data = series.fetch(cloudwatch, series.queries(charts), window)
    drawn = {chart: series.drawn(chart, data, window) for chart in charts}
    lines = [each for found in drawn.values() for each in found]
    counted = f"{len(shown)} widgets, {sum(bool(each.points) for each in lines)} of {len(lines)} series with data"
    note = (
        f"Metrics of {source}, {numbers.moment(window.start)} to {numbers.moment(window.end)}: {counted}. "
        f"A point is {window.period // 60} min, or what its alarm looks at. Beside a count stands its total, beside "
        "anything else its latest value. What the emulator does not measure has no data."
    )
    return page.page(name, note, shown, drawn, _states(cloudwatch, shown), window), counted


def window_until(now: float, minutes: float) -> Window:
    """Return a window of whole periods: the shortest period of which at most MOST_POINTS fit."""
    period = next((each for each in PERIODS if minutes * 60 / each <= MOST_POINTS), PERIODS[-1])
    return Window(math.floor((now - minutes * 60) / period) * period, math.ceil(now / 60) * 60, period)


def _widgets(cloudwatch, name: str) -> list:
    try:
        return widgets.read(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    except cloudwatch.exceptions.ClientError as error:
        if "NotFound" not in service_errors.code_of(error):
            raise
        raise Failure(
            Exit.PREFLIGHT, f"there is no dashboard {name}", "deploy an environment with dashboard = true"
        ) from None
    except ValueError as error:
        raise Failure(Exit.FAILED, f"the body of dashboard {name} cannot be read: {error}") from None


def _states(cloudwatch, shown: tuple) -> dict[str, str]:
    """Return the states of the shown alarms by name, without unknown ones."""
    wanted = sorted({name for widget in shown if isinstance(widget, AlarmList) for name in widget.names})
    kinds = ("MetricAlarm", "CompositeAlarm")
    found: dict[str, str] = {}
    for first in range(0, len(wanted), 50):  # at most 50 names a call
        answer = cloudwatch.describe_alarms(AlarmNames=wanted[first : first + 50], AlarmTypes=[*kinds])
        found |= {alarm["AlarmName"]: alarm["StateValue"] for kind in kinds for alarm in answer.get(f"{kind}s", [])}
    return found


def _failure(error: BaseException) -> Failure:
    if isinstance(error, Failure):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Failure(Exit.INTERRUPTED, "interrupted")
    return service_errors.explain(error) or Failure(Exit.BUG, f"unexpected {type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.exit(main())
