"""`--drift`: detect what was changed outside CloudFormation, in the root stack and every nested one."""

from pathlib import Path

from deployer import connection
from deployer.aws import waiting
from deployer.errors import Exit
from deployer.options import Options
from deployer.show import bars
from deployer.show.ui import Ui
from deployer.stacks import tree
from operations.drift import detection, view


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Exit code: 0 with and without drift, unless --detailed-exitcode; 1 if a stack could not be checked."""
    aws, stack = connection.deployed(ui, options, root)
    stacks = tree.read(aws, stack)
    pause = waiting.polling(aws).interval
    with ui.step("Drift", spinner=False) as step:
        with bars.waiting(ui, "Drift") as on_news:
            found = detection.detect(
                aws, stacks, pause, lambda done, total: on_news(f"{done} of {total} stacks checked")
            )
        step.result = f"{len(stacks)} stacks"
    view.show(ui, found)
    drifted = any(each.drifted for each in found)
    incomplete = any(each.problem for each in found)
    report = {
        "result": "drifted" if drifted else "incomplete" if incomplete else "in sync",
        "stacks": view.as_json(found),
        "unchecked": view.unchecked_kinds(found),
    }
    if drifted and options.detailed_exitcode:
        return report | {"exitCode": int(Exit.DIFFERENCES)}
    return report | ({"exitCode": int(Exit.FAILED)} if incomplete else {})
