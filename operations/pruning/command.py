"""`--prune`: delete artifacts and function versions that none of the last versions of any environment needs.

The bucket is shared by all environments of account and Region, so their records, stacks and change sets count too.
Records of the history stay.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from config import names
from deployer import connection
from deployer.aws import object_versions, service_errors
from deployer.aws.object_versions import BATCH
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.preflight import account_state
from deployer.show import bars
from deployer.show.ui import Ui, ask, can_ask
from operations.pruning import functions, needs, selection, stored, view
from operations.pruning.selection import Selection


@dataclass
class Progress:
    """What has been deleted so far. `in_use`: function versions that an alias took meanwhile."""

    objects: int = 0
    functions: int = 0
    in_use: int = 0


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Raises Failure (REFUSED) if not confirmed, (PREFLIGHT) while a stack changes, (FAILED) if S3 refuses a part."""
    environment = connection.load_environment(options)
    aws = connection.connect(ui, environment, options, root)
    identity = aws.client("sts").get_caller_identity()
    account_state.check_account(environment, identity["Account"], identity["Arn"])
    bucket = names.artifact_bucket(identity["Account"], aws.region)
    with ui.step("Look") as step:
        chosen = look(aws, identity["Account"], options.keep)
        step.result = f"account {identity['Account']}, {aws.region}{aws.elsewhere}, bucket {bucket}"
    if not chosen:
        ui.line("Nothing to prune: all that is older than a day is needed.")
        return view.as_json("unchanged", bucket, options.keep, chosen)
    view.show(ui, bucket, chosen)
    if options.plan:
        ui.line("Only a plan: nothing was deleted.")
        return view.as_json("planned", bucket, options.keep, chosen)
    _confirm(options, aws)
    if not options.yes:
        with ui.waiting("Look again"):  # the answer may have taken hours
            chosen = chosen.also_in(look(aws, identity["Account"], options.keep))
    progress = Progress()
    with _reported(progress):
        _remove(ui, aws, bucket, chosen, progress)
    return view.as_json("pruned", bucket, options.keep, chosen) | {
        "deleted": {"objectVersions": progress.objects, "functionVersions": progress.functions},
        "inUse": progress.in_use,
    }


def look(aws: Aws, account: str, keep: int) -> Selection:
    """Read what exists and what is needed, and select the rest.

    The bucket first: what a deployment uploads or renews from now on has object versions that are not in this list.
    """
    bucket = names.artifact_bucket(account, aws.region)
    found = stored.read(aws, bucket)
    recorded = stored.deployments(aws, account, found.records)
    stacks = needs.project_stacks(aws)
    needed = needs.of_stacks(aws, stacks) | needs.of_records(aws, bucket, selection.kept(recorded, keep))
    return selection.select(found.artifacts, functions.read(aws, stacks), recorded, needed, datetime.now(UTC))


def _confirm(options: Options, aws: Aws) -> None:
    if options.yes:
        return
    if not can_ask():
        raise Failure(
            Exit.REFUSED, "confirmation required, but stdin is not a terminal; nothing was deleted", "add --yes"
        )
    if not ask(f"Delete this{aws.elsewhere}?"):
        raise Failure(Exit.REFUSED, "not confirmed; nothing was deleted")


def _remove(ui: Ui, aws: Aws, bucket: str, chosen: Selection, progress: Progress) -> None:
    """Delete function versions, then objects."""
    from rich.progress import MofNCompleteColumn

    columns = [MofNCompleteColumn()]
    versions = [{"Key": each.key, "VersionId": version} for each in chosen.artifacts for version in each.versions]
    batches = [versions[start : start + BATCH] for start in range(0, len(versions), BATCH)]
    total = len(chosen.functions) + len(versions)
    with (
        ui.step("Prune", spinner=False) as step,
        bars.bar(ui, "Prune", columns, lambda done, of: f"{done:,} of {of:,} deleted") as on_progress,
    ):
        for each in chosen.functions:
            if functions.delete(aws, each):
                progress.functions += 1
            else:
                progress.in_use += 1
            on_progress(progress.functions + progress.in_use, total)

        def on_count(deleted: int) -> None:
            progress.objects = deleted
            on_progress(len(chosen.functions) + deleted, total)

        object_versions.delete(aws.client("s3"), bucket, on_count, batches=batches)
        step.result = view.deleted(progress.objects, progress.functions)
    if progress.in_use:
        ui.line(f"  {progress.in_use} function versions stay: an alias points to them now")


@contextmanager
def _reported(progress: Progress) -> Iterator[None]:
    """Around the deletion: an interruption or an error says what was deleted; a lost answer may hide more."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        failure = _failure(error)
        if failure is None:
            raise
        failure.add(f"deleted at least {view.deleted(progress.objects, progress.functions)}")
        raise failure from error


def _failure(error: BaseException) -> Failure | None:
    if isinstance(error, KeyboardInterrupt):
        return Failure(Exit.INTERRUPTED, "interrupted", "run the same command again: it deletes the rest")
    return error if isinstance(error, Failure) else service_errors.explain(error)
