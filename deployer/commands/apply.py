"""`--apply FILE`: execute the change set of a saved plan, if stack, change set and artifacts are those of the plan.

Nothing local is rendered or packaged: the checkout may be of another commit. `--discard FILE` deletes the change set.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from deployer.aws import advice, waiting
from deployer.commands import deploy, desired_state, plan_file, planning, preparation, recover
from deployer.commands import history as recording
from deployer.commands.context import Context
from deployer.commands.deploy import DeploymentReport
from deployer.commands.desired_state import DesiredState
from deployer.commands.plan_file import AGAIN
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.plan import snapshot, templates
from deployer.plan.snapshot import Snapshot
from deployer.preflight import monitoring
from deployer.preflight.account_state import AccountState
from deployer.show import outputs_file, plan_json, plan_text
from deployer.show.plan_report import PlanReport
from deployer.show.ui import Ui
from deployer.stacks import change_set_cleanup, changeset, function_code, operation, reading, rollback_triggers
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.saved_plan import SavedPlan
from deployer.stacks.validation import ChangeSetId


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Apply the plan. Raises Failure(REFUSED) if it no longer fits."""
    outputs_file.check(options.outputs_file)
    with plan_file.opened(options, ui, root) as (plan, context, account_state):
        deploy.check_no_rollback(context.environment, context.options)
        return _apply(context, account_state, plan).as_json(options)


def discard(options: Options, ui: Ui, root: Path) -> dict:
    """Delete the plan's change set and the empty stack that it made; the file stays."""
    with plan_file.opened(options, ui, root) as (plan, context, account_state):
        found = changeset.describe(context.aws, plan.change_set) if plan.change_set else None
        status = found.get("ExecutionStatus", "") if found else ""
        if status.startswith("EXECUTE_"):
            raise Failure(Exit.REFUSED, f"the plan was applied: its change set is in {status}", "see --history")
        if found and not plan.fits(found):
            raise _edited(context, "the change set stays")
        if plan.change_set and plan.stack:
            unused = ChangeSet(plan.change_set, plan.stack, account_state.status.is_new)
            with ui.waiting("Discard the change set"):
                done = change_set_cleanup.discard(context.aws, unused, waiting.polling(context.aws).interval)
            if not done:
                raise Failure(Exit.FAILED, "the change set may remain", "run the same command again")
    ui.line("The plan is discarded." if found else "Nothing to discard: there is no change set of the plan.")
    return {"result": "discarded" if found else "unchanged", "changeSet": plan.change_set}


def _apply(context: Context, account_state: AccountState, plan: SavedPlan) -> DeploymentReport:
    source = replace(plan.deployment.source, planned_by=plan.deployment.who)
    resumed = account_state.status.is_running
    if account_state.stack and resumed:
        recover.wait_for(context, account_state.stack, account_state.caller)  # an earlier run of this caller began it
        account_state = replace(account_state, stack=reading.describe(context.aws, context.stack))
    if plan.change_set is None:
        if plan.stack or plan.deployment.version != plan.before.version:
            raise _edited(context, "its change set is missing")
        _check_stack(context, account_state, plan)
        if swapped := function_code.swapped(context.aws, account_state.stack):
            return deploy.restore(context, account_state, swapped)
        context.ui.line("Nothing to change: the plan has no changes.")
        return _without_execution("unchanged", context, account_state)
    found = changeset.describe(context.aws, plan.change_set)
    if found and _is_deployed(context, account_state, plan, found):
        context.ui.line("Nothing to change: the plan is applied.")
        recording.catch_up(context.ui, context.aws, account_state, _desired(context, account_state, plan), source)
        return _without_execution("deployed" if resumed else "unchanged", context, account_state)
    deploy.check_can_ask(context.options)
    with context.ui.step("Saved plan") as step:
        described = _executable(context, account_state, plan, found)
        desired = _desired(context, account_state, plan)
        _check_content(context, described, desired, plan)
        left_out = plan.states.get("monitoring", {}).get("leftOut", {})
        desired = replace(desired, monitoring=replace(rollback_triggers.of_stack(described), left_out=left_out))
        change_set, report, then = _read(context, account_state, plan, desired)
        made = plan.deployment
        step.result = f"version {made.version}, made by {operation.name_of(made.who)}, {made.when}"
    plan_text.show(context.ui, report)
    monitoring.check_triggers(context.aws, report.monitoring, plan.deployment.kind)
    planning.confirm(context, account_state, report)
    preparation.prepare(context, account_state, report, then)
    return deploy.execute(context, account_state, desired, source, change_set, report)


def _without_execution(result: str, context: Context, account_state: AccountState) -> DeploymentReport:
    deploy.keep(context, account_state)
    values = deploy.outputs(context, account_state.stack)
    return DeploymentReport(result, planning.nothing(context, account_state), values)


def _is_deployed(context: Context, account_state: AccountState, plan: SavedPlan, described: Mapping[str, Any]) -> bool:
    """Return True if the change set was executed and the stack has the plan's version: a run may have ended before."""
    if described.get("ExecutionStatus") not in ("EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE") or not plan.fits(described):
        return False
    return plan_file.before(context.aws, account_state.stack).version == plan.deployment.version


def _executable(
    context: Context, account_state: AccountState, plan: SavedPlan, described: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """Return the change set's description. Raises Failure(REFUSED) if it cannot be executed, or is not the file's."""
    status = described.get("ExecutionStatus", "") if described else ""
    if status.startswith("EXECUTE_"):
        raise _outdated(context, f"the plan was applied already: its change set is in {status}")
    _check_stack(context, account_state, plan)
    if described is None:
        raise _outdated(context, "the plan's change set no longer exists: it was discarded, or has expired")
    if status != "AVAILABLE":
        raise _outdated(context, f"the plan's change set is in {described['Status']}, {status or 'no status'}")
    if not plan.fits(described):
        raise _edited(context, f"it does not fit change set {described['ChangeSetName']}")
    return described


def _check_stack(context: Context, account_state: AccountState, plan: SavedPlan) -> None:
    """Raise Failure(REFUSED) if the stack is not as it was when the plan was made."""
    stack, then = account_state.stack, plan.before
    if plan.change_set and (stack is None or stack["StackId"] != plan.stack):
        raise _outdated(context, f"stack {context.stack} is not the plan's: it was deleted since")
    now = plan_file.before(context.aws, stack)
    if now != then:
        was, is_now = (
            " ".join(filter(None, (each.status or "not deployed", each.changed, each.version))) for each in (then, now)
        )
        raise _outdated(context, f"stack {context.stack} changed since the plan: {is_now}; it was {was}")


def _desired(context: Context, account_state: AccountState, plan: SavedPlan) -> DesiredState:
    return desired_state.stored(context.aws, context.environment, account_state, plan.deployment, AGAIN)


def _check_content(context: Context, described: Mapping[str, Any], desired: DesiredState, plan: SavedPlan) -> None:
    """Raise Failure(REFUSED) if the change set does not have the plan's template, parameters and tags."""
    values, known = reading.parameters_of(described), plan.deployment.parameters.items()  # NoEcho values are not known
    same = {
        "template": templates.same(changeset.root_template(context.aws, described["ChangeSetId"]), desired.bundle.root),
        "parameters": values.keys() == desired.parameters.keys() and known <= values.items(),
        "tags": reading.tags_of(described) == desired.tags,
    }
    if different := [name for name, is_same in same.items() if not is_same]:
        raise Failure(Exit.REFUSED, f"the change set does not have the plan's {' and '.join(different)}", AGAIN)


def _read(
    context: Context, account_state: AccountState, plan: SavedPlan, desired: DesiredState
) -> tuple[ChangeSet, PlanReport, Snapshot]:
    """Return the change set, the plan that it makes and what the plan leads to. Raises Failure(REFUSED) if that is not the plan in the file."""
    sets: list[ChangeSetId] = []
    identity, stack = plan.change_set or "", plan.stack or ""
    verdicts = tuple(changeset.read(context.aws.client("cloudformation"), identity, sets))
    change_set = ChangeSet(identity, stack, account_state.status.is_new, verdicts, sets=tuple(sets))
    now = reading.deployed(context.aws, account_state.stack)
    then = snapshot.desired(desired.bundle, desired.parameters, now)
    report = planning.report(context, account_state, desired, now, then, change_set)
    report = replace(report, swapped=function_code.swapped(context.aws, account_state.stack))
    made = json.loads(json.dumps(plan_json.as_json(report)))
    made |= plan.states
    # As text: an absent value is not null, and 0 is not false. Prices are this version's.
    texts = [{(key, json.dumps(value, sort_keys=True)) for key, value in each.items()} for each in (made, plan.plan)]
    if different := sorted({key for key, _ in texts[0] ^ texts[1]} - {"cost"}):
        why = "it was edited, or another version of deploy.py made it"
        shown = f"the change set does not do what {context.options.file} shows ({', '.join(different)}): {why}"
        raise Failure(Exit.REFUSED, shown, AGAIN)
    return change_set, report, then


def _edited(context: Context, why: str) -> Failure:
    return Failure(Exit.REFUSED, f"{context.options.file} is not as it was saved: {why}", AGAIN)


def _outdated(context: Context, why: str) -> Failure:
    """Name the last operation on the stack, if there was one."""
    unread = "the stack's last operation was not read"
    last = advice.ask(context.aws, unread, lambda: operation.last(context.aws, context.stack), None)
    by = f" (the stack's last operation: by {last.who}, {last.since:%Y-%m-%d %H:%M:%S} UTC)" if last else ""
    return Failure(Exit.REFUSED, why + by, AGAIN)
