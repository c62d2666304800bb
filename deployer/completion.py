"""Completion of deploy.py's options and their values in a shell."""

from pathlib import Path

import shtab

from config.environment import available
from deployer import argument_parser
from generator.functions import DEAD_LETTER_QUEUES, FUNCTIONS


def script(shell: str) -> str:
    """Return the script that completes deploy.py's options and their values in `shell`."""
    queues = sorted(queue.title for queue in DEAD_LETTER_QUEUES)
    values = {
        "env": available(),
        "like": available(),
        "logs": sorted(function.key for function in FUNCTIONS),
        "dlq": queues,
        "redrive": queues,
    }
    top = argument_parser.build()
    for action in top._actions:
        action.choices = values.get(action.dest, action.choices)
        if action.type is Path:
            kind = shtab.DIRECTORY if action.dest == "local_dir" else shtab.FILE
            action.complete = kind  # type: ignore[attr-defined]  # an attribute that shtab reads
    return shtab.complete(top, shell=shell, root_prefix="deploy_py")
