"""`--faults FILE`: inject latency, errors and throttles into the calls of the functions on the emulator."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from deployer import connection
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import outputs
from emulator.faults import rules, session
from emulator.faults.rules import Rule
from emulator.faults.session import Counts
from operations.faults import view
from operations.logs import groups

SHOWN_SECONDS = 0.25


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Inject the faults until Ctrl-C, or for --duration; then exit code 0. No function is changed or restarted.

    The emulator drops the rules when this process ends, however it ends.
    """
    if not options.local:
        raise Failure(Exit.USAGE, "--faults requires --local: only the emulator can inject faults")
    try:
        wanted, seed = rules.load(options.file)
        aws, stack = connection.deployed(ui, options, root)
        functions = groups.functions(outputs.of_stack(stack))
        rules.check_functions(options.file, wanted, functions)
    except rules.RulesError as error:
        raise Failure(Exit.USAGE, str(error), "the keys of a rule: docs/game-days.md") from None
    started = time.monotonic()
    counts = _inject(ui, aws.endpoint_url or "", wanted, functions, seed, options.duration)
    return {
        "result": "ended",
        "seconds": round(time.monotonic() - started, 1),
        "rules": [
            {"rule": rule.title, "calls": each.matched, "faults": each.injected}
            for rule, each in zip(wanted, counts, strict=True)
        ],
    }


def _inject(
    ui: Ui, endpoint_url: str, wanted: Sequence[Rule], functions: Mapping[str, str], seed: int, duration: float | None
) -> list[Counts]:
    """Inject and show until the end; return the last counts. Raises Failure(EMULATOR) if the emulator ends first."""
    with session.inject(endpoint_url, wanted, functions, seed) as running, view.live(ui, wanted) as show:
        view.show_beginning(ui, wanted, duration)
        end = time.monotonic() + (duration or float("inf"))
        with suppress(KeyboardInterrupt):
            while not running.ended.wait(max(0, min(SHOWN_SECONDS, end - time.monotonic()))):
                show(running.counts)
                if time.monotonic() >= end:
                    break
        lost = running.ended.is_set()
    view.show_end(ui, wanted, running.counts)
    if lost:
        raise Failure(Exit.EMULATOR, "the emulator has stopped, and the faults with it")
    return running.counts
