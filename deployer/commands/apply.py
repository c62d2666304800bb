"""`--apply FILE`: execute the change set of a saved plan, if stack, change set and artifacts are still those of the plan.

Nothing local is rendered or packaged: the checkout may be of another commit.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

from deployer import connection
from deployer.artifacts import stored
from deployer.aws import advice
from deployer.commands import deploy, desired_state, plan_file, planning, recover, side_effects
from deployer.commands import history as recording
from deployer.commands.context import Context
from deployer.commands.deploy import DeploymentReport
from deployer.commands.desired_state import DesiredState
from deployer.commands.plan_file import AGAIN
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.plan import snapshot, templates
from deployer.preflight.account_state import AccountState
from deployer.show import outputs_file, plan_json, plan_text
from deployer.show.plan_report import PlanReport
from deployer.show.ui import Ui
from deployer.stacks import changeset, operation, reading
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.deployment_records import Source, deployed_version
from deployer.stacks.saved_plan import SavedPlan
from deployer.stacks.validation import ChangeSetId


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Raises Failure(USAGE) for a file that is not a plan, (REFUSED) for a plan that no longer fits."""
    outputs_file.check(options.outputs_file)
    plan = plan_file.read(options.file)
    environment = connection.load_environment(options)
    options = replace(
        options,  # consent was given with the plan
        allow_replace=frozenset(plan.allow_replace),
        no_rollback=plan.no_rollback,
        orders_per_day=plan.orders_per_day,
    )
    deploy.check_no_rollback(environment, options)
    if plan.change_set:
        deploy.check_can_ask(options)
    aws = connection.connect(ui, environment, options, root)
    with side_effects.reported(aws):
        account_state = connection.check_account(ui, aws, environment, limits=False)
        context = Context(ui, aws, environment, options, account_state.caller)
        plan_file.check_place(plan, context, account_state.account)
        return _apply(context, account_state, plan).as_json(options)


def _apply(context: Context, account_state: AccountState, plan: SavedPlan) -> DeploymentReport:
    source = Source(plan.kind, plan.commit, plan.dirty, plan.who)
    if account_state.stack and account_state.status.is_running:
        recover.wait_for(context, account_state.stack, account_state.caller)
        account_state = replace(account_state, stack=reading.describe(context.aws, context.stack))
        if _is_deployed(context, account_state, plan):
            return _resumed(context, account_state, plan, source)
    if plan.change_set is None:
        _check_stack(context, account_state, plan)
        context.ui.line("Nothing to change: the plan has no changes.")
        return _settled("unchanged", context, account_state)
    with context.ui.step("Saved plan") as step:
        described = _change_set(context, account_state, plan)
        desired = _desired(context, account_state, plan)
        _check_content(context, described, desired, plan)
        change_set, report = _read(context, account_state, plan, desired)
        step.result = f"of {operation.name_of(plan.who)}, {plan.when}, version {plan.version}"
    plan_text.show(context.ui, report)
    planning.confirm(context, account_state, report)
    return deploy.execute(context, account_state, desired, source, change_set, report)


def _is_deployed(context: Context, account_state: AccountState, plan: SavedPlan) -> bool:
    stack = account_state.stack
    return bool(stack and plan.change_set and deployed_version(context.aws, stack) == plan.version)


def _resumed(context: Context, account_state: AccountState, plan: SavedPlan, source: Source) -> DeploymentReport:
    """Finish an application that an earlier run of this caller began and did not follow to its end."""
    desired = _desired(context, account_state, plan)
    recording.catch_up(context.ui, context.aws, account_state, desired, source)
    return _settled("deployed", context, account_state)


def _settled(result: str, context: Context, account_state: AccountState) -> DeploymentReport:
    nothing = planning.nothing(context, account_state)
    return DeploymentReport(result, nothing, deploy.outputs(context, account_state.stack))


def _change_set(context: Context, account_state: AccountState, plan: SavedPlan) -> Mapping[str, Any]:
    """Return the change set's description.

    Raises Failure(REFUSED) if the change set cannot be executed or is not the file's, or if the stack has changed.
    """
    described = changeset.describe(context.aws, plan.change_set or "")
    status = described.get("ExecutionStatus", "") if described else ""
    if status.startswith("EXECUTE_"):
        raise _refused(f"the plan was applied already: its change set is in {status}", context)
    _check_stack(context, account_state, plan)
    if described is None:
        raise _refused("the plan's change set no longer exists: it was discarded, or has expired", context)
    if status != "AVAILABLE":
        raise _refused(f"the plan's change set is in {described['Status']}, {status or 'without a status'}", context)
    if described["StackId"] != plan.stack or not described["ChangeSetName"].endswith(f"-{plan.seal}"):
        raise Failure(
            Exit.REFUSED,
            f"{context.options.file} is not as it was saved: it does not fit change set {described['ChangeSetName']}",
            AGAIN,
        )
    return described


def _check_stack(context: Context, account_state: AccountState, plan: SavedPlan) -> None:
    """Raise Failure(REFUSED) if the stack is not as it was when the plan was made."""
    stack = account_state.stack
    if plan.change_set and (stack is None or stack["StackId"] != plan.stack):
        raise _refused(f"stack {context.stack} is not the plan's: it was deleted since", context)
    now = plan_file.before(context.aws, stack)
    if plan.change_set is None and plan.version != plan.before.version:
        raise Failure(Exit.REFUSED, f"{context.options.file} is not as it was saved: its change set is missing", AGAIN)
    if now != plan.before:
        then, since = (f"{each.status or 'not deployed'} {each.changed}".strip() for each in (plan.before, now))
        versions = f", version {now.version}" if now.version != plan.before.version else ""
        raise _refused(f"stack {context.stack} changed since the plan: {since}{versions}; it was {then}", context)


def _desired(context: Context, account_state: AccountState, plan: SavedPlan) -> DesiredState:
    """Return the plan's desired state. Raises Failure(REFUSED) if an artifact is missing or changed."""
    aws, account = context.aws, account_state.account
    bundle = stored.bundle(aws, account, plan.templates[0], AGAIN)
    stored.check_packages(aws, account, plan.packages, AGAIN)
    return desired_state.stored(aws, context.environment, account_state, bundle, plan.parameters, plan.tags)


def _check_content(context: Context, described: Mapping[str, Any], desired: DesiredState, plan: SavedPlan) -> None:
    """Raise Failure(REFUSED) if the change set does not have the plan's template, parameters and tags."""
    values = {each["ParameterKey"]: each.get("ParameterValue", "") for each in described.get("Parameters", [])}
    tags = {each["Key"]: each["Value"] for each in described.get("Tags", [])}
    same = {
        "template": templates.same(changeset.root_template(context.aws, described["ChangeSetId"]), desired.bundle.root),
        "parameters": values.keys() == desired.parameters.keys() and plan.parameters.items() <= values.items(),
        "tags": tags == plan.tags,
    }
    if different := [name for name, is_same in same.items() if not is_same]:
        raise Failure(
            Exit.REFUSED,
            f"the change set does not have the plan's {' and '.join(different)}: it was not executed",
            AGAIN,
        )


def _read(
    context: Context, account_state: AccountState, plan: SavedPlan, desired: DesiredState
) -> tuple[ChangeSet, PlanReport]:
    """Return the change set with the plan that it makes. Raises Failure(REFUSED) if that is not the plan in the file."""
    sets: list[ChangeSetId] = []
    verdicts = tuple(changeset.read(context.aws.client("cloudformation"), plan.change_set or "", sets))
    change_set = ChangeSet(
        plan.change_set or "", plan.stack or "", account_state.status.is_new, verdicts, sets=tuple(sets)
    )
    now = reading.deployed(context.aws, account_state.stack)
    then = snapshot.desired(desired.bundle, desired.parameters, now)
    report = planning.report(context, account_state, desired, now, then, change_set)
    made = json.loads(json.dumps(plan_json.as_json(report)))
    keys = sorted({*made, *plan.plan} - {"cost"})  # prices are of this version
    different = [key for key in keys if made.get(key) != plan.plan.get(key)]
    if different:
        raise Failure(
            Exit.REFUSED,
            f"the change set does not do what {context.options.file} shows ({', '.join(different)}): "
            "the file was edited, or another version of deploy.py made it",
            AGAIN + (f", or apply it from commit {plan.commit[:10]}" if plan.commit else ""),
        )
    return change_set, report


def _refused(message: str, context: Context) -> Failure:
    """Return a Failure that names the last operation on the stack, if there was one."""
    last = advice.ask(
        context.aws,
        "the stack's last operation was not read",
        lambda: operation.last(context.aws, context.stack),
        None,
    )
    if last:
        message += f" (the stack's last operation: by {last.who}, {last.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)"
    return Failure(Exit.REFUSED, message, AGAIN)
