"""Write the file of --plan --save, and read it for --apply and --discard."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config import names
from deployer.aws.session import Aws
from deployer.commands.context import Context
from deployer.commands.desired_state import DesiredState
from deployer.errors import Exit, Failure
from deployer.preflight.account_state import AccountState
from deployer.show import outputs_file, plan_json
from deployer.show.plan_report import PlanReport
from deployer.stacks import deployment_records, reading, saved_plan
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.deployment_records import Source
from deployer.stacks.saved_plan import Before, SavedPlan


def check(path: Path | None) -> None:
    """Raise Failure(USAGE) if the file exists or cannot be written."""
    if path is None:
        return
    found = outputs_file.problem(path)
    if path.exists():
        found = "exists", "name another file, or remove it; if a plan in it is not needed, --discard it first"
    if found:
        raise Failure(Exit.USAGE, f"--save {path}: {found[0]}", found[1])


def draft(context: Context, account_state: AccountState, desired: DesiredState, source: Source) -> SavedPlan:
    """Return what is known before the change set is made."""
    aws, options = context.aws, context.options
    root = desired.bundle.root_key
    made = SavedPlan(
        environment=context.environment.name,
        account=account_state.account,
        region=aws.region,
        endpoint=endpoint(aws),
        before=before(aws, account_state.stack),
        version=deployment_records.version_of(desired.bundle.root, desired.parameters, desired.tags),
        templates=(root, *sorted(desired.bundle.bodies.keys() - {root})),
        packages=tuple(deployment_records.packages(desired)),
        parameters=deployment_records.public_parameters(desired),
        tags=dict(desired.tags),
        kind=source.kind,
        commit=source.commit,
        dirty=source.dirty,
        who=account_state.caller,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        allow_replace=tuple(sorted(options.allow_replace)),
        no_rollback=options.no_rollback,
        orders_per_day=options.orders_per_day,
    )
    return made.model_copy(update={"seal": saved_plan.seal(made.text())})


def endpoint(aws: Aws) -> str:
    """Return where the stack is. The emulator of --local has another port after each start."""
    return "local" if aws.local else aws.endpoint_url or "AWS"


def before(aws: Aws, stack: Mapping[str, Any] | None) -> Before:
    """Return the state of the root stack, a DescribeStacks entry."""
    status = reading.status_of(stack)
    if stack is None or status.is_new:
        return Before()
    changed = (stack.get("LastUpdatedTime") or stack["CreationTime"]).astimezone(UTC).isoformat()
    return Before(status=status.name, changed=changed, version=deployment_records.deployed_version(aws, stack))


def write(
    context: Context, draft: SavedPlan, change_set: ChangeSet | None, report: PlanReport
) -> dict[str, str | None]:
    """Write the file atomically; return its path and the change set's ARN. `change_set`: None: nothing to change.

    If that fails or is interrupted, there is no file. Raises Failure(FAILED).
    """
    path = context.options.save or Path()
    later: dict[str, object] = {"plan": plan_json.as_json(report)}
    if change_set:
        later |= {"stack": change_set.stack_id, "change_set": change_set.id}
    else:
        later["version"] = draft.before.version
    try:
        outputs_file.replace(path.resolve(), draft.model_copy(update=later).text())
    except OSError as error:
        raise Failure(
            Exit.FAILED, f"the plan could not be saved to {path}: {error.strerror}", "name another file"
        ) from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return {"file": str(path), "changeSet": change_set.id if change_set else None}


def show(context: Context, saved: Mapping[str, str | None], account_state: AccountState) -> None:
    """Say what was saved, and how to go on."""
    path = Path(saved["file"] or "")
    context.ui.line(f"The plan is saved in {path}. Nothing is deployed until it is applied:")
    for command in ("--apply", "--discard") if saved["changeSet"] else ("--apply",):
        context.ui.line(f"  {context.options.at_the_same_place(command, file=path).command_line()}")
    if saved["changeSet"] and account_state.status.is_new:
        context.ui.line(f"Until then stack {context.stack} is in REVIEW_IN_PROGRESS, without resources.")


def read(path: Path) -> SavedPlan:
    """Return the plan in the file. Raises Failure(USAGE)."""
    try:
        return saved_plan.parse(path.read_bytes(), str(path))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise Failure(Exit.USAGE, f"{path} cannot be read: {getattr(error, 'strerror', '') or error}") from None


def check_place(plan: SavedPlan, context: Context, account: str) -> None:
    """Raise Failure(REFUSED) if the plan is for another environment, account, Region or endpoint."""
    here = {
        "environment": context.environment.name,
        "account": account,
        "region": context.aws.region,
        "endpoint": endpoint(context.aws),
    }
    different = [
        f"{name} {getattr(plan, name)}, not {value}" for name, value in here.items() if getattr(plan, name) != value
    ]
    if different:
        raise Failure(
            Exit.REFUSED,
            f"the plan is for {' and '.join(different)}",
            "see --env, --profile, --region, --local and AWS_ENDPOINT_URL",
        )
    names_stack = plan.stack is None or f":stack/{names.root_stack(plan.environment)}/" in plan.stack
    if not names_stack:
        raise Failure(Exit.REFUSED, f"the plan is for {plan.stack}, which is not stack {context.stack}", AGAIN)


AGAIN = "plan again: --plan --save"
