"""`--destroy`: take an environment down. Tells what goes and what stays, asks, and leaves nothing half done.

Data that the templates retain stays, unless --delete-data. A bucket with something in it cannot be deleted by
CloudFormation at all: without --delete-data that is refused before anything is touched. Run again after a
failure, it goes on where it stopped.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from config import names
from config.environment import Environment
from deployer import connection
from deployer.aws import object_versions, session, waiting
from deployer.aws.session import Aws
from deployer.commands import applying, side_effects
from deployer.commands.context import Context
from deployer.commands.destroy import consent, inventory, removal, stack_deletion, view
from deployer.commands.destroy.inventory import ROLE, Inventory
from deployer.commands.destroy.stored_data import BUCKET, TABLE, Holding
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.preflight import account_state as preflight
from deployer.show import bars, failure
from deployer.show.progress import display
from deployer.show.ui import Ui
from deployer.stacks import deployment_records

FUNCTION = "AWS::Lambda::Function"


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Raises Failure (REFUSED) when not confirmed or when data stands in the way, (FAILED) when something is left."""
    environment = connection.load_environment(options.env)
    session.check_region(options.region or environment.region)
    aws = connection.connect(ui, environment, options, root)
    with side_effects.reported(aws):
        return _looked(options, ui, aws, environment)


def _looked(options: Options, ui: Ui, aws: Aws, environment: Environment) -> dict:
    """Look at what is there, ask, and take it down."""
    with ui.step("Look") as step:
        identity = aws.client("sts").get_caller_identity()
        preflight.check_account(environment, identity["Account"], identity["Arn"])
        found = inventory.take(aws, environment.name, identity["Account"])
        step.result = f"account {found.account}, {aws.region}, stack {names.root_stack(options.env)}: {found.status}"
    consent.refuse_obstacles(found, partial(options.aws_command, aws))
    data = found.staying if options.delete_data else []
    shared = options.delete_data and not found.others
    if not (found.status.exists or data or found.has_flags or found.records or (shared and found.has_shared)):
        ui.line(f"Environment {environment.name} is not deployed here: there is nothing to destroy.")
        return _report(ui, "nothing deployed", found, [], view.kept(found, options.delete_data), options)
    view.show(ui, found, data, shared)
    if options.plan:
        ui.line(f"Only a plan: {side_effects.sentence(aws.sent)}.")
        return view.document("planned", found, data, view.kept(found, options.delete_data))
    if not options.delete_data:
        consent.refuse_data_in_the_way(found)
    consent.confirm(environment, found, options)
    kept = _destroy(Context(ui, aws, environment, options, identity["Arn"]), found, data)
    return _report(ui, "destroyed", found, data, kept, options)


def _destroy(context: Context, found: Inventory, data: list[Holding]) -> list[dict[str, str]]:
    """Everything in its order; what is kept."""
    ui, aws, delete_data = context.ui, context.aws, context.options.delete_data
    if found.status.exists:
        _delete_stack(context, found)
    for held in data:
        _remove(ui, aws, held)
    _sweep(ui, aws, found)
    if delete_data and not found.others:
        return _remove_shared(ui, aws, found)
    return view.kept(found, delete_data)


def _report(ui: Ui, result: str, found: Inventory, data: list[Holding], kept: list[dict], options: Options) -> dict:
    """Shown and as a document, with the command for what this one could have removed, too."""
    removable = kept and not options.delete_data and (found.staying or not found.others)
    command = options.at_the_same_place("--destroy", delete_data=True).command_line()
    view.show_kept(ui, kept, command if removable else "")
    return view.document(result, found, data, kept)


def _delete_stack(context: Context, found: Inventory) -> None:
    ui, aws, options = context.ui, context.aws, context.options
    outcome = None
    for _ in range(2):  # once more when a file came into a bucket after it had been emptied
        if options.delete_data:
            _make_deletable(ui, aws, found)
        with display(ui, context.stack) as on_events:
            outcome = stack_deletion.run(aws, found.stack["StackId"], on_events, waiting.polling(aws), context.token())
        if outcome.status.name == "DELETE_COMPLETE":
            return
        left = stack_deletion.left(aws, found.stack["StackId"])
        if not (options.delete_data and any(fate.type == BUCKET for fate in left)):
            break
    failure.show(ui, applying.diagnosed(context, outcome))
    for fate in left:
        ui.line(f"  left: {fate.path} ({fate.type}) {fate.physical_id}")
    raise Failure(
        Exit.FAILED,
        f"the deletion failed; stack {context.stack} is in {outcome.status}, {len(left)} resources are left",
        "mend the cause and run the same command again: it goes on where this one stopped",
    )


def _make_deletable(ui: Ui, aws: Aws, found: Inventory) -> None:
    """What CloudFormation would fail to delete."""
    for held in found.dying:
        if held.type == BUCKET:
            _empty(ui, aws, held)
        elif held.type == TABLE and held.protected:
            removal.unprotect(aws, held.id, waiting.polling(aws).interval)


def _empty(ui: Ui, aws: Aws, held: Holding) -> None:
    with ui.step("Empty", spinner=False) as step, _counting(ui, held) as on_count:
        gone = object_versions.delete(aws.client("s3"), held.id, on_count)
        step.result = f"{held.id}: {gone:,} object versions deleted"


@contextmanager
def _counting(ui: Ui, held: Holding) -> Iterator[object_versions.OnCount]:
    """Shows how many are gone of how many there seemed to be."""
    from rich.progress import MofNCompleteColumn

    columns = [MofNCompleteColumn()]
    with bars.bar(ui, held.id, columns, lambda done, of: f"{done:,} of {of:,} versions deleted") as on_progress:
        yield lambda gone: on_progress(gone, max(gone, held.number))


def _remove(ui: Ui, aws: Aws, held: Holding) -> None:
    if held.type == BUCKET:
        _empty(ui, aws, held)
    with ui.step("Remove") as step:
        removal.holding(aws, held, waiting.polling(aws).interval)
        step.result = f"{held.id.rpartition('/')[2]} ({held.type})"


def _sweep(ui: Ui, aws: Aws, found: Inventory) -> None:
    """What belongs to the environment alone and no stack knows of."""
    stage = f"/{found.environment}"
    prefixes = [names.log_group(found.environment, "")]
    prefixes += [f"API-Gateway-Execution-Logs_{api}{stage}" for api in sorted(found.apis)]
    prefixes += [f"/aws/lambda/{name}" for name in found.physical_ids(FUNCTION)]
    with ui.step("Sweep") as step:
        swept = removal.log_groups(aws, prefixes)
        if removal.parameter(aws, names.parameter_path(found.environment, "feature-flags")):
            swept.append("the feature flags")
        if found.artifacts:
            records = object_versions.delete(
                aws.client("s3"), found.artifacts.id, prefix=deployment_records.prefix(found.environment)
            )
            swept += [f"{records:,} of the history's records"] * bool(records)
        step.result = ", ".join(swept) or "nothing was left behind"


def _remove_shared(ui: Ui, aws: Aws, found: Inventory) -> list[dict[str, str]]:
    """This was the last environment. What is kept: the role, while other APIs of the account log with it."""
    kept: list[dict[str, str]] = []
    if found.artifacts:
        _remove(ui, aws, found.artifacts)
    for role in found.log_roles:
        in_use = role == found.gateway_role
        if in_use and aws.client("apigateway").get_rest_apis(limit=1)["items"]:
            kept.append(view.entry(ROLE, role, "other APIs of this account and region log with it"))
            continue
        removal.log_role(aws, role, in_use)
        ui.line(f"{ui.ok} Remove     {role} ({ROLE})")
    return kept
