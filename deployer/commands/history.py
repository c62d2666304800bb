"""`--history`: list the deployment records. Writing one never fails a deployment."""

from collections import Counter
from pathlib import Path

from deployer import connection
from deployer.artifacts import bucket
from deployer.aws import advice
from deployer.aws.session import Aws
from deployer.commands.desired_state import DesiredState
from deployer.options import Options
from deployer.plan import publishing
from deployer.plan.changes import Action, Plan
from deployer.preflight.account_state import AccountState
from deployer.show import history_view as view
from deployer.show.ui import Ui
from deployer.stacks import deployment_records
from deployer.stacks.deployment_records import Source

SHOWN = 20


def run(options: Options, ui: Ui, root: Path) -> dict:
    aws, stack = connection.deployed(ui, options, root)
    account = stack["StackId"].split(":")[4]
    with ui.waiting("Read"):
        known = deployment_records.entries(aws, account, options.env)
        read = deployment_records.read(aws, account, known[:SHOWN])
        unknown = "which versions were pruned is unknown"
        stored = advice.ask(aws, unknown, lambda: bucket.artifacts(aws, account), None)
    shown = [deployment for deployment in read if deployment]
    current = deployment_records.deployed_version(aws, stack)
    is_known = any(entry.version == current for entry in deployment_records.deployed(known))
    if shown:
        view.show(ui, shown, current, stored)
    if len(known) > len(read):
        ui.line(f"and {len(known) - len(read):,} older deployments")
    for entry, deployment in zip(known, read, strict=False):
        if deployment is None:
            ui.warn(f"the record of {entry.version}, {entry.when:%Y-%m-%d %H:%M} UTC, cannot be read by this version")
    if not is_known:
        ui.warn(
            f"the current version, {current}, has no record: it was not deployed by this tool, or its record was not written"
        )
    return {
        "result": "listed",
        "environment": options.env,
        "current": current,
        "recorded": is_known,
        "deployments": view.as_json(shown, current, stored),
        "unreadable": [entry.key for entry, each in zip(known, read, strict=False) if each is None],
        "more": len(known) - len(read),
    }


def record(
    ui: Ui,
    aws: Aws,
    account_state: AccountState,
    desired: DesiredState,
    source: Source,
    seconds: float | None,
    plan: Plan | None,
    rolled_back_by: str = "",
) -> None:
    """Write the record of a deployment that succeeded or that an alarm rolled back; a failure is a warning.

    `seconds`, `plan`: None if the deployment was not watched to its end.
    """
    changes = _counted(plan) if plan else None
    version = advice.ask(
        aws,
        "this deployment is not in the history: its record could not be written",
        lambda: deployment_records.record(aws, desired, account_state.caller, source, seconds, changes, rolled_back_by),
        None,
    )
    if version and rolled_back_by:
        ui.line(f"{ui.ok} History    version {version}, rolled back by {rolled_back_by}")
    elif version:
        ui.line(f"{ui.ok} History    version {version}; return to it with --rollback {version}")


def _counted(plan: Plan) -> dict[str, int]:
    """Count as the plan on screen does: a version that the next one replaces is a publication."""
    number = Counter(change.action for change in publishing.others(plan.changes))
    counted = {action.value: number[action] for action in Action} | {"publish": len(publishing.published(plan.changes))}
    return {what: number for what, number in counted.items() if number}


def catch_up(ui: Ui, aws: Aws, account_state: AccountState, desired: DesiredState, source: Source) -> None:
    """Write the record of the deployed version if it is missing: its deployment was interrupted, for example."""
    environment = desired.parameters["Environment"]
    unread = "the history cannot be read"
    version = deployment_records.version_of(desired.bundle.root, desired.parameters, desired.tags)
    known = advice.ask(aws, unread, lambda: deployment_records.entries(aws, account_state.account, environment), None)
    if known is not None and version not in [each.version for each in deployment_records.deployed(known)[:1]]:
        record(ui, aws, account_state, desired, source, None, None)
