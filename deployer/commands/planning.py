"""Create a change set, make and show its plan, and refuse or confirm it."""

from functools import partial

import costs
from deployer.aws import waiting
from deployer.commands import applying
from deployer.commands.context import Context
from deployer.commands.desired_state import DesiredState
from deployer.errors import Exit, Failure
from deployer.plan import compare, guard, permissions, shifting
from deployer.plan.changes import Action, Plan
from deployer.plan.snapshot import Snapshot
from deployer.preflight import findings, monitoring, name_conflicts
from deployer.preflight.account_state import AccountState
from deployer.show import failure, plan_text, plan_values
from deployer.show.plan_report import PlanReport, TagChange
from deployer.show.ui import ask
from deployer.stacks import changeset, reading, validation
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.rollback_triggers import Monitoring


def check(context: Context, account_state: AccountState, now: Snapshot, then: Snapshot) -> Monitoring:
    """Check for name conflicts, missing permissions and alarms, before anything is written; return the monitoring."""
    with context.ui.step("Names") as step:
        found = findings.check(context.aws, account_state.caller, context.environment.name, now, then)
        number = len(found.conflicts)
        step.result = f"{number} conflict{'s' * (number > 1)}" if number else "no conflicts"
    for warning in found.warnings:
        context.ui.warn(warning)
    if context.options.save or not context.options.plan:
        name_conflicts.refuse(found.conflicts, found.limits_reached, partial(context.options.aws_command, context.aws))
    for conflict in found.conflicts:
        context.ui.warn(f"name conflict: {conflict}")
    for limit in found.limits_reached:
        context.ui.warn(f"there are {limit}")
    with context.ui.waiting("Alarms"):
        return monitoring.check(context.aws, context.environment, context.options, account_state.caller, now, then)


def propose(
    context: Context, account_state: AccountState, desired: DesiredState, now: Snapshot, then: Snapshot, seal: str = ""
) -> tuple[ChangeSet, PlanReport]:
    """Create the change set; return it with its plan. `seal`: of a plan to be saved."""
    with context.ui.step("Plan") as step, applying.report_conflict(context):
        change_set = _change_set(context, account_state, desired, seal)
        with applying.discard_on_exit(context.aws, change_set):
            # Warnings only: errors have raised Refused. An empty change set has none.
            failure.show_problems(context.ui, validation.problems(context.aws, change_set.sets), context.sources)
            plan = report(context, account_state, desired, now, then, change_set)
            step.result = plan_values.summary(plan.plan)
            return change_set, plan


def report(
    context: Context,
    account_state: AccountState,
    desired: DesiredState,
    now: Snapshot,
    then: Snapshot,
    change_set: ChangeSet,
) -> PlanReport:
    """Return the plan of a change set that was read."""
    plan = compare.make(now, then, change_set.verdicts)
    return PlanReport(
        context.environment.name,
        context.stack,
        account_state.account,
        context.aws.region,
        plan,
        tuple(guard.dangers(plan, context.options.allow_replace)),
        permissions.diff(now, then),
        costs.compare(now, then, context.options.orders_per_day, context.aws.region),
        _retagged(account_state, desired),
        context.aws.elsewhere,
        shifting.described(plan, then),
        desired.monitoring,
    )


def _retagged(account_state: AccountState, desired: DesiredState) -> tuple[TagChange, ...]:
    """Compare the tags of the root stack; nothing for a new stack, whose tags are all added."""
    if account_state.status.is_new:
        return ()
    before, after = reading.tags_of(account_state.stack), desired.tags
    keys = sorted({*before, *after})
    return tuple(TagChange(key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key))


def _change_set(context: Context, account_state: AccountState, desired: DesiredState, seal: str) -> ChangeSet:
    """Show what CloudFormation rejects, with its line in the template."""
    try:
        return changeset.create(
            context.aws,
            context.stack,
            new=account_state.status.is_new,
            exists=account_state.status.exists,
            request=desired.request,
            token=context.token(),
            seal=seal,
            pause=waiting.polling(context.aws).interval,
        )
    except validation.Refused as refused:
        failure.show_problems(context.ui, refused.problems, context.sources)
        refused.report = {"problems": failure.problems_as_json(refused.problems, context.sources)}
        raise


def nothing(context: Context, account_state: AccountState) -> PlanReport:
    """Return the plan of an environment without changes."""
    aws = context.aws
    environment, account = context.environment.name, account_state.account
    return PlanReport(environment, context.stack, account, aws.region, Plan(()), elsewhere=aws.elsewhere)


def show(context: Context, account_state: AccountState, report: PlanReport) -> None:
    """Show the plan; of a first deployment, where nothing is there to lose, the sums unless --plan asks for all."""
    shown = plan_text.show_first if account_state.status.is_new and not context.options.plan else plan_text.show
    shown(context.ui, report)


def confirm(context: Context, account_state: AccountState, report: PlanReport) -> None:
    """Raise Failure(REFUSED) if `refuse_losses` does, or if not confirmed."""
    refuse_losses(context, report)
    if not (context.options.yes or ask(_question(context.aws.elsewhere, account_state, report))):
        raise Failure(Exit.REFUSED, "not confirmed")


def refuse_losses(context: Context, report: PlanReport) -> None:
    """Raise Failure(REFUSED) if data would be lost that --allow-replace does not name, or the update would fail."""
    _refuse_data_loss(report)
    _refuse_replacement_without_rollback(context, report.plan)


def _question(place: str, account_state: AccountState, report: PlanReport) -> str:
    broader = len(report.permissions.broadens) if report.permissions else 0
    if account_state.status.is_new or not broader:
        return f"Deploy this{place}?"
    return f"Deploy this{place}, and give the {broader} permission{'s' * (broader > 1)} marked above as broader?"


def _refuse_data_loss(report: PlanReport) -> None:
    refused = [danger for danger in report.dangers if not danger.allowed]
    if refused:
        flags_needed = " ".join(f"--allow-replace {danger.change.logical_id}" for danger in refused)
        raise Failure(
            Exit.REFUSED,
            f"refused: {len(refused)} of the changes would replace or delete data",
            f"if that is what you want: {flags_needed}",
        )


def _refuse_replacement_without_rollback(context: Context, plan: Plan) -> None:
    """CloudFormation fails such an update half-way, since it could not undo the replacement."""
    replaced = [change.path for change in plan.changes if change.action is Action.REPLACE]
    if context.options.no_rollback and replaced:
        raise Failure(
            Exit.REFUSED,
            f"refused: with --no-rollback CloudFormation replaces nothing ({', '.join(replaced)})",
            "deploy without --no-rollback",
        )
