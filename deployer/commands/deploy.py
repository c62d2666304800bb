"""One deployment from beginning to end. Every step in its order; how each works is in its own module."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from config.environment import Environment
from deployer import changed, flags, history, outputs_file
from deployer.aws import connection, local, session
from deployer.build import artifacts, checkout, desired
from deployer.build.desired import Built
from deployer.build.locations import Sources
from deployer.commands import endings, executing, planning, rescue, show_outputs
from deployer.commands import history as recording
from deployer.commands.context import Context
from deployer.commands.options import Options
from deployer.errors import Exit, Failure
from deployer.history import Source
from deployer.plan import snapshot
from deployer.plan.report import PlanReport
from deployer.preflight import checks as preflight
from deployer.preflight.checks import Facts
from deployer.show import bars, progress
from deployer.show.ui import QUIET_SECONDS, Ui, can_ask
from deployer.stacks import execution, leftovers, reading
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.execution import Outcome

CHANGES = 2
"""The exit code of --plan --detailed-exitcode when there is something to deploy."""


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Deploy, or plan to. Raises Failure with the exit code for whatever ends it early."""
    outputs_file.check(options.outputs_file)
    environment = checkout.environment(options.env)
    _must_be_for_debugging(environment, options)
    region = options.region or environment.region
    session.check_region(region)
    rendered = checkout.rendered(ui)
    cache = local.cache_directory(root)
    linting = checkout.start_lint(rendered, region, cache)
    packages = checkout.packages(ui, root, cache)
    aws = connection.connect(ui, environment, options, root)
    checkout.check(ui, linting)
    with endings.accounted(aws):
        facts = preflight.shown(ui, aws, environment)
        context = Context(ui, aws, environment, options, facts.caller, Sources(rendered))
        facts = rescue.clear_the_way(context, facts)
        built = desired.build(aws, environment, rendered, packages, facts)
        return deploy_built(context, facts, built, history.checkout(root))


def deploy_built(context: Context, facts: Facts, built: Built, source: Source) -> dict:
    """From what is wanted to what is deployed: the same way for this checkout and for an earlier version."""
    with context.ui.waiting("Compare"):
        unchanged = desired.unchanged(context.aws, facts, built)
    if unchanged:
        context.ui.line("Nothing to change: what is deployed is what this checkout says.")
        if not context.options.plan:
            recording.catch_up(context.ui, context.aws, facts, built, source)
        return _report(context, "unchanged", planning.nothing(context, facts), _outputs(context, facts.stack))
    _must_be_able_to_ask(context.options)
    with context.ui.waiting("Read"):
        now = reading.deployed(context.aws, facts.stack)
    then = snapshot.desired(built.bundle, built.parameters, now)
    planning.check(context, facts, now, then)
    _upload(context, built, facts)
    change_set, plan = planning.propose(context, facts, built, now, then)
    if change_set.empty:
        leftovers.discard(context.aws, change_set, execution.pace(context.aws).pause)
        context.ui.line("Nothing to change, says CloudFormation.")
        return _report(context, "unchanged", plan, _outputs(context, facts.stack))
    with executing.unless_executed(context.aws, change_set):
        planning.show(context, facts, plan)
        if context.options.plan:
            with context.ui.waiting("Discard the change set"):
                leftovers.discard(context.aws, change_set, execution.pace(context.aws).pause)
            context.ui.line(f"Only a plan: {changed.sentence(context.aws.sent)}.")
            return _report(context, "planned", plan, {})
        planning.must_be_wanted(context, facts, plan)
        began = time.monotonic()
        outcome = _execute(context, change_set, plan)
        seconds = time.monotonic() - began
    with _over(context, outcome):
        executing.finish(context, change_set.stack_id, outcome)
        values = _outputs(context, reading.describe(context.aws, change_set.stack_id))
        recording.record(context.ui, context.aws, facts, built, source, seconds, plan.plan)
    return _report(context, "deployed", plan, values)


def _report(context: Context, result: str, plan: PlanReport, values: Mapping[str, str]) -> dict:
    code = {"exitCode": CHANGES} if result == "planned" and context.options.detailed_exitcode else {}
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


def _upload(context: Context, built: Built, facts: Facts) -> None:
    with context.ui.step("Upload", spinner=False) as step, bars.waiting(context.ui, "Upload") as on_news:
        made = artifacts.ensure_bucket(context.aws, built.bucket, facts.account)
        objects = built.objects()
        put = artifacts.upload_missing(context.aws, built.bucket, facts.account, objects, _telling(on_news))
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
    if flags.write_if_absent(context.aws, context.environment):
        context.ui.line(f"{context.ui.ok} Flags      wrote {flags.name(context.environment)} (SecureString)")
    return executing.carry_out(context, change_set, progress.expected(plan.plan))


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
