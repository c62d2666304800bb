"""Deploy, or plan to: the steps in order; each step is in its own module."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from config.environment import Environment
from deployer import connection
from deployer.artifacts import bucket, lint, wheels
from deployer.aws import local, waiting
from deployer.commands import (
    applying,
    desired_state,
    local_version,
    plan_file,
    planning,
    preparation,
    previews,
    recover,
    show_outputs,
    side_effects,
)
from deployer.commands import history as recording
from deployer.commands.context import Context
from deployer.commands.desired_state import DesiredState
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.plan import snapshot
from deployer.plan.locations import Sources
from deployer.preflight.account_state import AccountState
from deployer.show import bars, outputs_file, plan_json, plan_markdown, progress
from deployer.show.plan_report import PlanReport
from deployer.show.ui import QUIET_SECONDS, Ui, can_ask
from deployer.stacks import (
    change_set_cleanup,
    deployment_records,
    feature_flags,
    function_code,
    reading,
    termination_protection,
)
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.deployment_records import Source
from deployer.stacks.execution import Outcome


@dataclass(frozen=True)
class DeploymentReport:
    """`result`: unchanged, planned, deployed, restored or rolled back. `saved`: of --plan --save, file and change set."""

    result: str
    plan: PlanReport
    outputs: Mapping[str, str]
    saved: Mapping[str, str | None] | None = None

    def as_json(self, options: Options) -> dict:
        report: dict[str, Any] = {
            "result": self.result,
            "outputs": dict(self.outputs),
            "plan": plan_json.as_json(self.plan),
        }
        if self.saved:
            report["saved"] = dict(self.saved)
        if options.output == "markdown":
            report["markdown"] = plan_markdown.as_markdown(self.plan)
        if self.result == "planned" and options.detailed_exitcode:
            report["exitCode"] = int(Exit.DIFFERENCES)
        return report


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Deploy the local version, or plan to. Raises Failure with the exit code."""
    outputs_file.check(options.outputs_file)
    plan_file.check(options.save)
    environment = connection.load_environment(options)
    check_no_rollback(environment, options)
    previews.check(environment, options)
    cache, region = local.cache_directory(root), options.region or environment.region
    with ExitStack() as beside:
        layer = beside.enter_context(wheels.started(root / "requirements" / "layer.txt", cache / "wheels"))
        rendered = local_version.rendered(ui, root, cache)
        linted = beside.enter_context(lint.started(rendered, region, cache / "lint"))
        functions = local_version.functions(root, cache / "packages")
        ui.beside("Package", "Lint")
        aws = connection.connect(ui, environment, options, root)
        with side_effects.reported(aws):
            account_state = connection.check_account(ui, aws, environment)
            previews.check_owner(options, account_state.stack)
            packages = local_version.packages(ui, functions, layer)
            local_version.check(ui, linted)
            context = Context(ui, aws, environment, options, account_state.caller, Sources(rendered))
            account_state = recover.ensure_deployable(context, account_state)
            desired = desired_state.build(aws, environment, rendered, packages, account_state)
            source = deployment_records.local_source(root)
            return deploy_desired(context, account_state, desired, source).as_json(options)


def deploy_desired(
    context: Context, account_state: AccountState, desired: DesiredState, source: Source
) -> DeploymentReport:
    """Deploy the desired state: of the local version, or of an earlier one."""
    with context.ui.waiting("Compare"):
        unchanged = desired_state.unchanged(context.aws, account_state, desired)
        swapped = function_code.swapped(context.aws, account_state.stack)
    if unchanged:
        if swapped:
            return _restore_only(context, account_state, desired, source, swapped)
        context.ui.line("Nothing to change: the local version is deployed.")
        if not context.options.plan:
            recording.catch_up(context.ui, context.aws, account_state, desired, source)
        return _unchanged(context, account_state, desired, source, planning.nothing(context, account_state))
    check_can_ask(context.options)
    with context.ui.waiting("Read"):
        now = reading.deployed(context.aws, account_state.stack)
    then = snapshot.desired(desired.bundle, desired.parameters, now)
    desired = replace(desired, monitoring=planning.check(context, account_state, now, then))
    _upload(context, desired, account_state)
    draft = plan_file.draft(context, account_state, desired, source, swapped) if context.options.save else None
    change_set, plan = planning.propose(context, account_state, desired, now, then, draft.seal if draft else "")
    plan = replace(plan, swapped=swapped)
    if change_set.empty:
        change_set_cleanup.discard(context.aws, change_set, waiting.polling(context.aws).interval)
        if swapped:
            return _restore_only(context, account_state, desired, source, swapped)
        context.ui.line("Nothing to change: CloudFormation's change set is empty.")
        return _unchanged(context, account_state, desired, source, plan)
    with applying.discard_on_exit(context.aws, change_set):
        planning.show(context, account_state, plan)
        if not context.options.plan:
            planning.confirm(context, account_state, plan)
            preparation.prepare(context, account_state, plan, then)
            return execute(context, account_state, desired, source, change_set, plan)
        if draft is None:
            return _only_planned(context, change_set, plan)
        planning.refuse_losses(context, plan)
        saved = plan_file.write(context, draft, change_set, plan)
    plan_file.show(context, saved, account_state)
    return DeploymentReport("planned", plan, {}, saved)


def _unchanged(
    context: Context, account_state: AccountState, desired: DesiredState, source: Source, plan: PlanReport
) -> DeploymentReport:
    """Show the outputs; with --save, write a file that says that there is nothing to change."""
    if not context.options.plan:
        keep(context, account_state)
    values, saved = outputs(context, account_state.stack), None
    if context.options.save:
        draft = plan_file.draft(context, account_state, desired, source, plan.swapped)
        saved = plan_file.write(context, draft, None, plan)
        plan_file.show(context, saved, account_state)
    return DeploymentReport("unchanged", plan, values, saved)


def _only_planned(context: Context, change_set: ChangeSet, plan: PlanReport) -> DeploymentReport:
    with context.ui.waiting("Discard the change set"):
        change_set_cleanup.discard(context.aws, change_set, waiting.polling(context.aws).interval)
    context.ui.line(f"Only a plan: {side_effects.sentence(context.aws.sent)}.")
    return DeploymentReport("planned", plan, {})


def execute(
    context: Context,
    account_state: AccountState,
    desired: DesiredState,
    source: Source,
    change_set: ChangeSet,
    plan: PlanReport,
) -> DeploymentReport:
    """Execute a confirmed change set, watch it, verify the result, show the outputs and record the deployment."""
    began = time.monotonic()
    outcome = _write_flags_and_execute(context, change_set, plan)
    seconds = time.monotonic() - began
    record = partial(recording.record, context.ui, context.aws, account_state, desired, source, seconds, plan.plan)
    with _after_the_operation(context, outcome):
        applying.finish(context, change_set.stack_id, outcome, plan.monitoring, record)
        stack = reading.describe(context.aws, change_set.stack_id)
        _protect(context, stack)
        values = outputs(context, stack)
        record()
    return DeploymentReport("deployed", plan, values)


def _restore_only(
    context: Context, account_state: AccountState, desired: DesiredState, source: Source, swapped: Mapping[str, str]
) -> DeploymentReport:
    report = restore(context, account_state, swapped)
    if context.options.save:
        return replace(_unchanged(context, account_state, desired, source, report.plan), result="planned")
    if context.options.plan:
        context.ui.line(f"Only a plan: {side_effects.sentence(context.aws.sent)}.")
    return report


def restore(context: Context, account_state: AccountState, swapped: Mapping[str, str]) -> DeploymentReport:
    """The stack is as desired, but functions run other code, which a change set would not replace: restore it, or plan to."""
    check_can_ask(context.options)
    plan = replace(planning.nothing(context, account_state), swapped=swapped)
    planning.show(context, account_state, plan)
    if context.options.plan:
        return DeploymentReport("planned", plan, {})
    planning.confirm(context, account_state, plan)
    keep(context, account_state)
    preparation.restore(context, account_state, plan)
    return DeploymentReport("restored", plan, outputs(context, account_state.stack))


def check_no_rollback(environment: Environment, options: Options) -> None:
    """A failure without rollback blocks other deployments until it is continued or rolled back."""
    if options.no_rollback and environment.data.retention == "Retain":
        raise Failure(
            Exit.USAGE,
            f"--no-rollback is for debugging; environment {environment.name} retains its data (data.retention), "
            "so its failures must be rolled back",
            "deploy without --no-rollback, or debug in an environment whose data.retention is Delete",
        )


def check_can_ask(options: Options) -> None:
    """Refuse, before the first write, a run that could not ask for confirmation."""
    if not (options.plan or options.yes or can_ask()):
        raise Failure(
            Exit.REFUSED,
            "confirmation required, but stdin is not a terminal (use --yes)",
            "see the changes with --plan first",
        )


def _upload(context: Context, desired: DesiredState, account_state: AccountState) -> None:
    with context.ui.step("Upload", spinner=False) as step, bars.waiting(context.ui, "Upload") as on_news:
        made = bucket.ensure_bucket(context.aws, desired.bucket, account_state.account)
        objects = desired.objects()
        for key in set(desired.package_keys) - set(objects):  # of an earlier version
            bucket.renew(context.aws.client("s3"), desired.bucket, account_state.account, key)
        put = bucket.upload_missing(context.aws, desired.bucket, account_state.account, objects, _reporting(on_news))
        size = sum(len(objects[key]) for key in put) / 1000
        step.result = (f"{len(put)} of {len(objects)} objects, {size:.0f} kB" if put else "nothing new") + (
            f"; made bucket {desired.bucket}" if made else ""
        )


def _reporting(on_news: Callable[[str], None]) -> Callable[[str, int], None]:
    """Report what has been uploaded so far, at most once a second."""
    reported, number, size = time.monotonic(), 0, 0

    def on_put(key: str, bytes_put: int) -> None:
        nonlocal reported, number, size
        number, size = number + 1, size + bytes_put
        if time.monotonic() - reported >= QUIET_SECONDS:
            reported = time.monotonic()
            on_news(f"{number} objects, {size / 1000:.0f} kB")

    return on_put


def _write_flags_and_execute(context: Context, change_set: ChangeSet, plan: PlanReport) -> Outcome:
    previews.record(context)
    if feature_flags.write_if_absent(context.aws, context.environment):
        context.ui.line(f"{context.ui.ok} Flags      wrote {feature_flags.name(context.environment)} (SecureString)")
    return applying.execute(context, change_set, progress.expected(plan.plan), plan.monitoring)


def keep(context: Context, account_state: AccountState) -> None:
    """Do what a deployment does even if it changes nothing: renew a preview's record, and protect retained data."""
    previews.record(context)
    _protect(context, account_state.stack)


def _protect(context: Context, stack: Mapping[str, Any] | None) -> None:
    if termination_protection.ensure(context.aws, context.environment, stack):
        context.ui.line(f"{context.ui.ok} Protect    {context.stack} has termination protection now")


@contextmanager
def _after_the_operation(context: Context, outcome: Outcome) -> Iterator[None]:
    """Around what follows a finished operation: an interruption says that it is finished."""
    try:
        yield
    except KeyboardInterrupt:
        raise Failure(
            Exit.INTERRUPTED,
            f"interrupted after the operation finished: stack {context.stack} is in {outcome.status}",
            "run the same command again to verify it and to see the outputs",
        ) from None


def outputs(context: Context, stack: Mapping[str, Any] | None) -> dict[str, str]:
    return show_outputs.show(context.ui, context.aws, stack, context.options.outputs_file)
