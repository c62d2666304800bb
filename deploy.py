#!/usr/bin/env python3
"""Deploy the platform: `python deploy.py --env dev`. The engine is the package `deployer`.

Any Python starts it: one that is too old, or lacks packages, hands over to the one in .venv (`make setup`).
"""

import os
import sys

NEEDED = (
    "awacs",
    "aws_lambda_powertools",
    "boto3",
    "cfnlint",
    "cryptography",
    "deflate",
    "fastjsonschema",
    "jsonschema",
    "markdown_it",
    "ministack",
    "pip",
    "pydantic",
    "rich",
    "shtab",
    "troposphere",
    "watchfiles",
)
OLD = sys.version_info < (3, 11)
ENVIRONMENT = os.path.join(os.path.dirname(os.path.realpath(__file__)), ".venv", "bin", "python")
MARK = "FOOD_DELIVERY_IN_ENVIRONMENT"
"""Set for the Python of the environment alone: it hands over to no other."""


def is_usable():
    if OLD:
        return False
    from importlib.util import find_spec

    return all(find_spec(name) for name in NEEDED)


def start():
    if not os.environ.pop(MARK, "") and not is_usable() and os.access(ENVIRONMENT, os.X_OK):
        os.environ[MARK] = "1"
        os.execv(ENVIRONMENT, [ENVIRONMENT] + sys.argv)  # noqa: S606, RUF005 - no shell; any Python parses it
    if OLD:
        said = "deploy.py: Python 3.11 or newer is needed, this is %s; type: make setup PYTHON=python3.x\n"
        sys.stderr.write(said % sys.version.split()[0])
        return 2
    import gc

    gc.set_threshold(200000)  # the default takes a tenth of a run; none at all would let --follow grow
    from deployer.cli import main

    return main()


if __name__ == "__main__":
    try:
        code = start()
    except KeyboardInterrupt:  # before or after everything that main() does
        sys.stderr.write("deploy.py: interrupted\n")
        code = 130
    os._exit(code)  # main() has flushed the streams; freeing every object would take a fifth of a short run
