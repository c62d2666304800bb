"""Draw the dashboard of a deployed environment with its metrics as one HTML page."""

import argparse
import sys
import time
from pathlib import Path
from typing import NoReturn

from config import names
from config.environment import ConfigError, load
from deployer.aws import local, service_errors, session
from deployer.errors import Exit, Failure
from preview import dashboard, local_run

ROOT = Path(__file__).resolve().parent.parent
TWO_WEEKS = 14 * 24 * 60
"""Metrics by the minute are kept for about this many minutes."""


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
    if options.local:
        aws = local_run.connect(environment, local_run.running(local.state_directory(ROOT, options.local_dir)))
    else:
        aws = session.connect(environment)
    source = "a local run" if options.local else f"{aws.region}{aws.elsewhere}"
    name, cloudwatch = names.root_stack(options.env), aws.client("cloudwatch")
    window = dashboard.window_until(now, options.minutes)
    text, counted = dashboard.draw(cloudwatch, name, dashboard.deployed(cloudwatch, name), source, window)
    try:
        options.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(Exit.USAGE, f"{options.output} cannot be written: {error.strerror}") from None
    return f"{options.output}: {counted}"


def _failure(error: BaseException) -> Failure:
    if isinstance(error, Failure):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Failure(Exit.INTERRUPTED, "interrupted")
    return service_errors.explain(error) or Failure(Exit.BUG, f"unexpected {type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.exit(main())
