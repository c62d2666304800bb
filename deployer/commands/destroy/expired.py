"""`--destroy --expired`: delete the previews that are past their expiry, with their data, and nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from config import names
from config.environment import Environment
from deployer import connection
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.commands import side_effects
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui, ask, can_ask
from deployer.stacks import preview_records, reading
from deployer.stacks.preview_records import Preview, Unreadable

Destroy = Callable[[Options, Ui, Aws, Environment], dict]


def run(options: Options, ui: Ui, root: Path, destroy: Destroy) -> dict:
    """Ask once, then delete one after the other with `destroy`; a failure does not stop the next.

    Raises Failure (REFUSED) if not confirmed, (FAILED) with the list of those that are left.
    """
    aws = connection.connect(ui, connection.load_home(options), options, root)
    with side_effects.reported(aws):
        account = aws.client("sts").get_caller_identity()["Account"]
        due = _due(ui, aws, account)
        report: dict = {"result": "planned" if options.plan else "destroyed", "expired": sorted(due), "destroyed": []}
        if options.plan or not due:
            return report | {"skipped": {}}
        _confirm(due, options, aws)
        return _destroy_all(options, ui, aws, account, due, destroy)


def _due(ui: Ui, aws: Aws, account: str) -> dict[str, Preview]:
    """Return the expired previews by name, and show them; warn of records that cannot be read."""
    with ui.step("Previews") as step:
        found = preview_records.read_all(aws, account, preview_records.recorded(aws, account))
        due = {name: each for name, each in found.items() if _has_expired(each)}
        step.result = f"account {account}, {aws.region}{aws.elsewhere}: {len(found)}, {len(due)} of them expired"
    for name, each in due.items():
        ui.line(f"  {name}: like {each.like}, expired {each.expires}, deployed by {each.who.rpartition('/')[2]}")
    for each in found.values():
        if isinstance(each, Unreadable):
            ui.warn(f"{each.location} cannot be read by this version: not touched")
    return due
