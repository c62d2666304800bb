"""From what is wanted to a change set that waits, a plan that says what it will do, and what speaks against it."""

from functools import partial

import costs
from deployer.aws import waiting
from deployer.commands import applying
from deployer.commands.context import Context
from deployer.commands.desired_state import Built
from deployer.errors import Exit, Failure
from deployer.plan import compare, guard, permissions
from deployer.plan.changes import Action, Plan
from deployer.plan.snapshot import Snapshot
from deployer.preflight import findings, name_conflicts
from deployer.preflight.account_state import AccountState
from deployer.show import failure, plan_json, plan_markdown, plan_text, plan_values
from deployer.show.plan_report import PlanReport, TagChange
from deployer.show.ui import ask
from deployer.stacks import changeset, reading, validation
from deployer.stacks.changeset import ChangeSet


def check(context: Context, account_state: AccountState, now: Snapshot, then: Snapshot) -> None:
    """Names that others have taken, rights that are missing: before anything is written."""
    with context.ui.step("Names") as step:
        found = findings.check(context.aws, account_state.caller, now, then)
        step.result = f"{len(found.conflicts)} are taken" if found.conflicts else "none is taken"
    for warning in found.warnings:
        context.ui.warn(warning)
    if not context.options.plan:
        name_conflicts.refuse(found.conflicts, found.limits_reached, partial(context.options.aws_command, context.aws))
    for each in found.conflicts:
        context.ui.warn(f"taken already: {each}")
    for each in found.limits_reached:
        context.ui.warn(f"there are {each}")


def propose(
    context: Context, account_state: AccountState, built: Built, now: Snapshot, then: Snapshot
) -> tuple[ChangeSet, PlanReport]:
    """A change set, and the plan that it amounts to."""
    with context.ui.step("Plan") as step, applying.report_conflict(context):
        change_set = _change_set(context, account_state, built)
        with applying.discard_on_exit(context.aws, change_set):
            # What it only warns of; there is none of an empty one.
            failure.show_problems(context.ui, validation.problems(context.aws, change_set.sets), context.sources)
            plan = compare.make(now, then, change_set.verdicts)
            step.result = plan_values.summary(plan)
            return change_set, PlanReport(
                context.environment.name,
                context.stack,
                account_state.account,
                context.aws.region,
                plan,
                tuple(guard.dangers(plan, context.options.allow_replace)),
                permissions.diff(now, then),
                costs.compare(now, then, context.options.orders_per_day, context.aws.region),
                _retagged(account_state, built),
            )


def _retagged(account_state: AccountState, built: Built) -> tuple[TagChange, ...]:
    """Of a stack that was deployed: a new one gets all of its tags, as it gets everything else."""
    if account_state.status.is_new:
        return ()
    before, after = reading.tags_of(account_state.stack), built.tags
    keys = sorted({*before, *after})
    return tuple(TagChange(key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key))


def _change_set(context: Context, account_state: AccountState, built: Built) -> ChangeSet:
    """What CloudFormation itself objects to is shown with its line."""
    try:
        return changeset.create(
            context.aws,
            context.stack,
            new=account_state.status.is_new,
            exists=account_state.status.exists,
            request=built.request,
            token=context.token(),
            pause=waiting.polling(context.aws).interval,
        )
    except validation.Refused as refused:
        failure.show_problems(context.ui, refused.problems, context.sources)
        refused.report = {"problems": failure.problems_as_json(refused.problems, context.sources)}
        raise


def nothing(context: Context, account_state: AccountState) -> PlanReport:
    """The plan of an environment that is what it should be."""
    return PlanReport(context.environment.name, context.stack, account_state.account, context.aws.region, Plan(()))


def show(context: Context, account_state: AccountState, report: PlanReport) -> None:
    """Show the plan; of a first deployment, where nothing is there to lose, the sums unless --plan asks for all."""
    shown = plan_text.show_first if account_state.status.is_new and not context.options.plan else plan_text.show
    shown(context.ui, report)


def must_be_wanted(context: Context, account_state: AccountState, report: PlanReport) -> None:
    """Raises Failure(REFUSED) unless data is safe or given up by name, and somebody agrees."""
    _refuse_data_loss(report)
    _refuse_replacement_without_rollback(context, report.plan)
    if not (context.options.yes or ask(_question(account_state, report))):
        raise Failure(Exit.REFUSED, "not confirmed")


def _question(account_state: AccountState, report: PlanReport) -> str:
    broader = len(report.permissions.broadens)
    if account_state.status.is_new or not broader:
        return "Deploy this?"
    return f"Deploy this, and give the {broader} permission{'s' * (broader > 1)} marked above as broader?"


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
    """CloudFormation fails such an update half way: it could not take the replaced resource back."""
    replaced = [change.path for change in plan.changes if change.action is Action.REPLACE]
    if context.options.no_rollback and replaced:
        raise Failure(
            Exit.REFUSED,
            f"refused: with --no-rollback CloudFormation replaces nothing ({', '.join(replaced)})",
            "deploy without --no-rollback",
        )


def documents(context: Context, report: PlanReport) -> dict:
    """The plan for machines, and as markdown where that was asked for."""
    markdown = {"markdown": plan_markdown.as_markdown(report)} if context.options.output == "markdown" else {}
    return {"plan": plan_json.as_json(report), **markdown}
