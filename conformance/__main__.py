"""`python -m conformance --env dev [--local]`: try what the design assumes on whatever is deployed."""

import argparse
import secrets
import sys
from pathlib import Path

from conformance import probes  # noqa: F401  registers them
from conformance.account import Account
from conformance.environment import Environment
from conformance.probe import PROBES
from conformance.run import run_all
from deployer import connection
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import outputs

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m conformance")
    arguments.add_argument("--env", required=True)
    arguments.add_argument("--local", action="store_true")
    arguments.add_argument("--only", action="append", metavar="ID")
    given = arguments.parse_args()
    options, ui = Options(env=given.env, local=given.local), Ui()
    aws, stack = connection.deployed(ui, options, ROOT)
    account = Account(aws, f"conformance-{secrets.token_hex(3)}", 1 if aws.local else 60)
    environment = Environment(account, connection.load_environment(options), outputs.usable(aws, stack))
    chosen = [probe for probe in PROBES.values() if not given.only or probe.id in given.only]
    with account.made:
        for result in run_all(chosen, account, environment, 4):
            ui.line(f"{result.probe.id}: {result.verdict.value} {result.why or result.seen}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
