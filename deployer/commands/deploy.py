"""One deployment from beginning to end. Every step in its order; how each works is in its own module."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from config.environment import Environment
from deployer import connection
from deployer.artifacts import bucket
from deployer.aws import local, session, waiting
from deployer.commands import (
    applying,
    desired_state,
    local_version,
    planning,
    recover,
    show_outputs,
    side_effects,
)
from deployer.commands import history as recording
from deployer.commands.context import Context
from deployer.commands.desired_state import Built
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.plan import snapshot
from deployer.plan.locations import Sources
from deployer.plan.report import PlanReport
from deployer.preflight.account_state import AccountState
from deployer.show import bars, outputs_file, progress
from deployer.show.ui import QUIET_SECONDS, Ui, can_ask
from deployer.stacks import deployment_records, feature_flags, leftovers, reading
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.deployment_records import Source
from deployer.stacks.execution import Outcome


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Deploy, or plan to. Raises Failure with the exit code for whatever ends it early."""
    outputs_file.check(options.outputs_file)
    environment = connection.load_environment(options.env)
    _must_be_for_debugging(environment, options)
    region = options.region or environment.region
    session.check_region(region)
    rendered = local_version.rendered(ui)
    cache = local.cache_directory(root)
    local_version.check(ui, rendered, region, cache)
    packages = local_version.packages(ui, root, cache)
    aws = connection.connect(ui, environment, options, root)
    with side_effects.reported(aws):
        account_state = connection.check_account(ui, aws, environment)
        context = Context(ui, aws, environment, options, account_state.caller, Sources(rendered))
        account_state = recover.ensure_deployable(context, account_state)
        built = desired_state.build(aws, environment, rendered, packages, account_state)
        return deploy_built(context, account_state, built, deployment_records.checkout(root))


def deploy_built(context: Context, account_state: AccountState, built: Built, source: Source) -> dict:
    """From what is wanted to what is deployed: the same way for this checkout and for an earlier version."""
    if desired_state.unchanged(context.aws, account_state, built):
        context.ui.line("Nothing to change: what is deployed is what this checkout says.")
        if not context.options.plan:
            recording.catch_up(context.ui, context.aws, account_state, built, source)
        return _report(
            context, "unchanged", planning.nothing(context, account_state), _outputs(context, account_state.stack)
        )
    _must_be_able_to_ask(context.options)
    now = reading.deployed(context.aws, account_state.stack)
    then = snapshot.desired(built.bundle, built.parameters, now)
    planning.check(context, account_state, now, then)
    _upload(context, built, account_state)
    change_set, plan = planning.propose(context, account_state, built, now, then)
    if change_set.empty:
        leftovers.discard(context.aws, change_set, waiting.polling(context.aws).interval)
        context.ui.line("Nothing to change, says CloudFormation.")
        return _report(context, "unchanged", plan, _outputs(context, account_state.stack))
    with applying.discard_on_exit(context.aws, change_set):
        planning.show(context, plan)
        if context.options.plan:
            leftovers.discard(context.aws, change_set, waiting.polling(context.aws).interval)
            context.ui.line(f"Only a plan: {side_effects.sentence(context.aws.sent)}.")
            return _report(context, "planned", plan, {})
        planning.must_be_wanted(context, account_state, plan)
        began = time.monotonic()
        outcome = _execute(context, change_set, plan)
        seconds = time.monotonic() - began
    with _over(context, outcome):
        applying.finish(context, change_set.stack_id, outcome)
        values = _outputs(context, reading.describe(context.aws, change_set.stack_id))
        recording.record(context.ui, context.aws, account_state, built, source, seconds, plan.plan)
    return _report(context, "deployed", plan, values)


def _report(context: Context, result: str, plan: PlanReport, values: Mapping[str, str]) -> dict:
    code = {"exitCode": int(Exit.DIFFERENCES)} if result == "planned" and context.options.detailed_exitcode else {}
    return {"result": result, "outputs": dict(values), **planning.documents(context, plan), **code}


def _must_be_for_debugging(environment: Environment, options: Options) -> None:
    """What --no-rollback leaves half done can only be gone on with or rolled back, and holds up everything else."""
    if options.no_rollback and environment.data.retention == "Retain":
        raise Failure(
            Exit.USAGE,
            f"--no-rollback is for debugging where data may be lost; environment {environment.name} retains its data "
            "(data.retention): a failure must leave it as it was",
            "deploy without --no-rollback, or debug in an environment whose data.retention is Delete",
        )


def _must_be_able_to_ask(options: Options) -> None:
    """Before the first write: in a pipeline nobody could answer the question at its end."""
    if not (options.plan or options.yes or can_ask()):
        raise Failure(
            Exit.REFUSED,
            "there are changes, and nobody at a terminal to confirm them",
            "look with --plan, then deploy with --yes",
        )


def _upload(context: Context, built: Built, account_state: AccountState) -> None:
    with context.ui.step("Upload", spinner=False) as step, bars.waiting(context.ui, "Upload") as on_news:
        made = bucket.ensure_bucket(context.aws, built.bucket, account_state.account)
        objects = built.objects()
        put = bucket.upload_missing(context.aws, built.bucket, account_state.account, objects, _telling(on_news))
        size = sum(len(objects[key]) for key in put) / 1000
        step.result = (f"{len(put)} of {len(objects)} objects, {size:.0f} kB" if put else "everything is there") + (
            f"; made bucket {built.bucket}" if made else ""
        )


def _telling(on_news: Callable[[str], None]) -> Callable[[str, int], None]:
    """What has been put so far, told once a second: most uploads are done before there is anything to tell."""
    told, number, size = time.monotonic(), 0, 0

    def on_put(key: str, bytes_put: int) -> None:
        nonlocal told, number, size
        number, size = number + 1, size + bytes_put
        if time.monotonic() - told >= QUIET_SECONDS:
            told = time.monotonic()
            on_news(f"{number} objects, {size / 1000:.0f} kB")

    return on_put


def _execute(context: Context, change_set: ChangeSet, plan: PlanReport) -> Outcome:
    if feature_flags.write_if_absent(context.aws, context.environment):
        context.ui.line(f"{context.ui.ok} Flags      wrote {feature_flags.name(context.environment)} (SecureString)")
    return applying.execute(context, change_set, progress.expected(plan.plan))


@contextmanager
def _over(context: Context, outcome: Outcome) -> Iterator[None]:
    """Around what follows an operation that is over: an interruption ends only that."""
    try:
        yield
    except KeyboardInterrupt:
        raise Failure(
            Exit.INTERRUPTED,
            f"interrupted; the deployment itself is over: stack {context.stack} is in {outcome.status}",
            "run the same command again to see that nothing is left to do, and the outputs",
        ) from None


def _outputs(context: Context, stack: Mapping | None) -> dict[str, str]:
    return show_outputs.show(context.ui, context.aws, stack, context.options.outputs_file)
