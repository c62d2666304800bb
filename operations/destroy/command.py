"""`--destroy`: delete an environment. Shows what will be deleted and what retained, and asks first.

Data that the templates retain is kept, unless --delete-data. CloudFormation cannot delete a bucket that is not
empty: without --delete-data that is refused before anything is changed. After a failure, run it again to resume.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from config import names
from config.environment import Environment
from deployer import connection
from deployer.aws import object_versions, waiting
from deployer.aws.session import Aws
from deployer.commands import applying, side_effects
from deployer.commands.context import Context
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.preflight import account_state as preflight
from deployer.show import bars, failure
from deployer.show.progress import display
from deployer.show.ui import Ui
from deployer.stacks import deployment_records, termination_protection
from deployer.stacks.execution import Outcome
from operations.destroy import consent, deletion_view, inventory, removal
from operations.destroy.deletion_view import Kept
from operations.destroy.inventory import ROLE, Inventory
from operations.destroy.resources import BUCKET, TABLE, DataResource, Resource
from operations.partners import keys

FUNCTION = "AWS::Lambda::Function"


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Raises Failure (REFUSED) if not confirmed or if data blocks the deletion, (FAILED) if the deletion fails."""
    environment = connection.load_environment(options)
    aws = connection.connect(ui, environment, options, root)
    with side_effects.reported(aws):
        return destroy(options, ui, aws, environment)


def destroy(options: Options, ui: Ui, aws: Aws, environment: Environment) -> dict:
    """Read what exists, ask, and delete it."""
    with ui.step("Look") as step:
        identity = aws.client("sts").get_caller_identity()
        preflight.check_account(environment, identity["Account"], identity["Arn"])
        found = inventory.take(aws, environment.name, identity["Account"])
        step.result = f"account {found.account}, {aws.region}{aws.elsewhere}, stack {names.root_stack(options.env)}: {found.status}"
    consent.check_stack(environment, found, partial(options.aws_command, aws))
    data = found.retained_data if options.delete_data else []
    shared = _deletes_shared(options, found)
    exists = found.status.exists or found.partner_keys or found.has_flags or found.records
    if not (exists or data or (shared and found.has_shared)):
        ui.line(f"Environment {environment.name} is not deployed here: there is nothing to destroy.")
        return _report(ui, "nothing deployed", found, [], deletion_view.kept(found, options.delete_data), options)
    deletion_view.show(ui, found, data, shared)
    if options.plan:
        ui.line(f"Only a plan: {side_effects.sentence(aws.sent)}.")
        return deletion_view.as_json("planned", found, data, deletion_view.kept(found, options.delete_data))
    if not options.delete_data:
        consent.check_deletable(found)
    consent.confirm(environment, found, options, aws.elsewhere)
    kept = _destroy(Context(ui, aws, environment, options, identity["Arn"]), found, data)
    return _report(ui, "destroyed", found, data, kept, options)


def _destroy(context: Context, found: Inventory, data: list[DataResource]) -> list[Kept]:
    """Delete the keys of partners, the stack, then `data`, which it retained, then what is outside it; return what is kept."""
    ui, aws = context.ui, context.aws
    if found.partner_keys:  # first: they are in usage plans of the stack
        with ui.step("Revoke") as step:
            for key in found.partner_keys:
                keys.delete(aws, key.id)
            step.result = f"{len(found.partner_keys)} API keys of partners"
    if found.stack and found.status.exists:
        if termination_protection.lift(aws, found.stack):
            ui.line(f"{ui.ok} {'Unprotect':<10} {context.stack} has no termination protection any more")
        _delete_stack(context, found, found.stack["StackId"])
    for each in data:
        _delete_data(ui, aws, each)
    _sweep(ui, aws, found)
    if _deletes_shared(context.options, found):
        return _delete_shared(ui, aws, found)
    return deletion_view.kept(found, context.options.delete_data)


def _deletes_shared(options: Options, found: Inventory) -> bool:
    """With the data of the last environment; not with a preview, since the next one is on its way."""
    return options.delete_data and not options.like and not found.others


def _report(
    ui: Ui, result: str, found: Inventory, data: list[DataResource], kept: list[Kept], options: Options
) -> dict:
    """Show what is kept, with the command that deletes it as well."""
    deletable = kept and not options.delete_data and (found.retained_data or not found.others)
    command = options.at_the_same_place("--destroy", delete_data=True).command_line()
    deletion_view.show_kept(ui, kept, command if deletable else "")
    return deletion_view.as_json(result, found, data, kept)


def _delete_stack(context: Context, found: Inventory, stack_id: str) -> None:
    """Delete the stack; once more if an object was put into a bucket after it was emptied."""
    aws, may_retry = context.aws, context.options.delete_data
    while True:
        if context.options.delete_data:
            _make_deletable(context.ui, aws, found)
        with display(context.ui, context.stack) as on_events:
            outcome = removal.delete_stack(aws, stack_id, on_events, waiting.polling(aws), context.token())
        if outcome.status.name == "DELETE_COMPLETE":
            return
        left = removal.undeleted(aws, stack_id)
        if not (may_retry and any(each.type == BUCKET for each in left)):
            raise _failed(context, outcome, left)
        may_retry = False


def _failed(context: Context, outcome: Outcome, left: list[Resource]) -> Failure:
    failure.show(context.ui, applying.diagnose(context, outcome))
    for each in left:
        context.ui.line(f"  left: {each.path} ({each.type}) {each.physical_id}")
    return Failure(
        Exit.FAILED,
        f"the deletion failed; stack {context.stack} is in {outcome.status}, {len(left)} resources are left",
        "fix the cause, then run the same command again to resume",
    )


def _make_deletable(ui: Ui, aws: Aws, found: Inventory) -> None:
    """Empty the buckets and unprotect the tables that CloudFormation will delete."""
    for data in found.deleted_data:
        if data.type == BUCKET:
            _empty(ui, aws, data)
        elif data.type == TABLE and data.protected:
            removal.disable_protection(aws, data.id, waiting.polling(aws).interval)


def _empty(ui: Ui, aws: Aws, bucket: DataResource) -> None:
    with ui.step("Empty", spinner=False) as step, _counting(ui, bucket) as on_count:
        deleted = object_versions.delete(aws.client("s3"), bucket.id, on_count)
        step.result = f"{bucket.id}: {deleted:,} object versions deleted"


@contextmanager
def _counting(ui: Ui, bucket: DataResource) -> Iterator[object_versions.OnCount]:
    """Show how many object versions are deleted, of the number counted before."""
    from rich.progress import MofNCompleteColumn

    columns = [MofNCompleteColumn()]
    with bars.bar(ui, bucket.id, columns, lambda done, of: f"{done:,} of {of:,} versions deleted") as on_progress:
        yield lambda deleted: on_progress(deleted, max(deleted, bucket.count))


def _delete_data(ui: Ui, aws: Aws, data: DataResource) -> None:
    if data.type == BUCKET:
        _empty(ui, aws, data)
    with ui.step("Remove") as step:
        removal.delete_data(aws, data, waiting.polling(aws).interval)
        step.result = f"{data.id.rpartition('/')[2]} ({data.type})"


def _sweep(ui: Ui, aws: Aws, found: Inventory) -> None:
    """Delete what belongs to this environment only and is in no stack: log groups, feature flags, records."""
    prefixes = [names.log_group(found.environment, "")]
    prefixes += [f"API-Gateway-Execution-Logs_{api}/{found.environment}" for api in sorted(found.apis)]
    prefixes += [f"/aws/lambda/{name}" for name in found.physical_ids(FUNCTION)]
    with ui.step("Sweep") as step:
        swept = removal.delete_log_groups(aws, prefixes)
        if removal.delete_parameter(aws, names.parameter_path(found.environment, "feature-flags")):
            swept.append("the feature flags")
        if found.artifacts:
            prefix = deployment_records.prefix(found.environment)
            versions = object_versions.delete(aws.client("s3"), found.artifacts.id, prefix=prefix)
            swept += [f"{versions:,} record{'s' * (versions > 1)}"] * bool(versions)
        step.result = ", ".join(swept) or "nothing to delete outside the stack"


def _delete_shared(ui: Ui, aws: Aws, found: Inventory) -> list[Kept]:
    """Delete what environments share, after the last of them; keep the role if other REST APIs log with it."""
    kept: list[Kept] = []
    if found.artifacts:
        _delete_data(ui, aws, found.artifacts)
    for role in found.log_roles:
        in_use = role == found.gateway_role
        if in_use and aws.client("apigateway").get_rest_apis(limit=1)["items"]:
            kept.append(Kept(ROLE, role, "other APIs of this account and region log with it"))
            continue
        removal.delete_log_role(aws, role, in_use)
        ui.line(f"{ui.ok} Remove     {role} ({ROLE})")
    return kept
