"""`--destroy --expired`: delete the previews that are past their expiry, with their data, and nothing else."""

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from config import names
from deployer import connection
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.commands import side_effects
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import preview_records, reading
from deployer.stacks.preview_records import UNREADABLE
from operations.destroy import command, consent


@dataclass
class Outcome:
    """`skipped`, `failed`: name -> why."""

    destroyed: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Ask once, then destroy one after the other; a failure does not stop the next.

    Raises Failure (REFUSED) if not confirmed, (FAILED) with the list of those that are left.
    """
    aws = connection.connect(ui, connection.load_home(options), options, root)
    with side_effects.reported(aws):
        account = aws.client("sts").get_caller_identity()["Account"]
        due = _due(ui, aws, account)
        if options.plan or not due:
            return {"result": "planned" if options.plan else "nothing expired", "expired": due}
        consent.confirm_by_question(f"Delete {', '.join(due)} with all data{aws.elsewhere}?", options)
    return _destroy_all(options, ui, root, aws, account, due)


def _due(ui: Ui, aws: Aws, account: str) -> list[str]:
    """Return the names of the expired previews, and show them; warn of records that cannot be read."""
    with ui.step("Previews") as step:
        found = preview_records.read_all(aws, account)
        due = [name for name in sorted(found) if found[name].has_expired(datetime.now(UTC))]
        step.result = f"account {account}, {aws.region}{aws.elsewhere}: {len(found)}, {len(due)} of them expired"
    for name in due:
        ui.line(f"  {name}: like {found[name].like}, expired {found[name].expires}, of {found[name].who}")
    for name in sorted(found):
        if found[name] == UNREADABLE:
            ui.warn(f"{name} is not touched: {preview_records.key(name)} cannot be read by this version")
    return due


def _destroy_all(options: Options, ui: Ui, root: Path, aws: Aws, account: str, due: list[str]) -> dict:
    outcome = Outcome()
    for name in due:
        ui.line(name, "bold")
        try:
            _destroy_one(options, ui, root, aws, account, name, outcome)
        except KeyboardInterrupt:
            done = f"deleted before: {', '.join(outcome.destroyed) or 'none'}"
            raise Failure(
                Exit.INTERRUPTED, f"interrupted while deleting {name}; {done}", "run the same command again to resume"
            ) from None
        except Exception as error:
            failure = error if isinstance(error, Failure) else service_errors.explain(error)
            if failure is None:
                raise
            outcome.failed[name] = failure.message
            ui.line(f"{ui.bad} {name}: {failure.message}", "red")
            if failure.hint:
                ui.line(f"  {failure.hint}")
    if outcome.failed:
        raise Failure(
            Exit.FAILED,
            f"not deleted: {', '.join(outcome.failed)}; deleted: {', '.join(outcome.destroyed) or 'none'}",
            "fix the causes above, then run the same command again",
            asdict(outcome),
        )
    return {"result": "destroyed", **asdict(outcome)}


def _destroy_one(options: Options, ui: Ui, root: Path, aws: Aws, account: str, name: str, outcome: Outcome) -> None:
    """Read record and stack again first: the question and earlier deletions took time. Delete with the preview's roles."""
    found = preview_records.read(aws, account, name)
    status = reading.status_of(reading.describe(aws, names.root_stack(name)))
    if not (found and found.has_expired(datetime.now(UTC))):
        outcome.skipped[name] = "renewed or deleted meanwhile"
    elif status.is_running and status.name != "DELETE_IN_PROGRESS":
        outcome.skipped[name] = f"another operation is running ({status})"
    else:
        its = replace(options, env=name, like=found.like, region=aws.region, yes=True, delete_data=True)
        environment = connection.load_environment(its)
        command.destroy(its, ui, connection.connect(ui, environment, its, root), environment)
        outcome.destroyed.append(name)
        return
    ui.line(f"  not touched: {outcome.skipped[name]}")
