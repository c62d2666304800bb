"""Write the file of --plan --save, and read it for --apply and --discard."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

from deployer import connection
from deployer.aws.session import Aws
from deployer.commands import planning, side_effects
from deployer.commands.context import Context
from deployer.commands.desired_state import DesiredState
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.preflight.account_state import AccountState
from deployer.show import outputs_file, plan_json
from deployer.show.plan_report import PlanReport
from deployer.show.ui import Ui
from deployer.stacks import deployment_records, reading, saved_plan
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.deployment_records import Source
from deployer.stacks.saved_plan import Before, SavedPlan

AGAIN = "plan again: --plan --save"


def check(path: Path | None) -> None:
    """Raise Failure(USAGE) if the file exists or cannot be written."""
    found = outputs_file.problem(path) if path else None
    if path and not found and path.exists():
        found = "exists", "name another file, or remove it; if a plan in it is not needed, --discard it first"
    if found:
        raise Failure(Exit.USAGE, f"--save {path}: {found[0]}", found[1])


def draft(
    context: Context, account_state: AccountState, desired: DesiredState, source: Source, swapped: Mapping[str, str]
) -> SavedPlan:
    """Return what is known before the change set is made."""
    shown = replace(planning.nothing(context, account_state), monitoring=desired.monitoring, swapped=swapped)
    made = SavedPlan(
        account=account_state.account,
        region=context.aws.region,
        endpoint=_endpoint(context.aws),
        before=before(context.aws, account_state.stack),
        deployment=deployment_records.describe(desired, account_state.caller, source),
        allow_replace=tuple(sorted(context.options.allow_replace)),
        no_rollback=context.options.no_rollback,
        orders_per_day=context.options.orders_per_day,
        service_role=context.aws.service_role or "",
        like=context.options.like or "",
        ttl=context.options.ttl,
        states={key: value for key, value in plan_json.as_json(shown).items() if key in ("monitoring", "otherCode")},
    )
    return made.model_copy(update={"seal": saved_plan.seal_of(made.text())})


def _endpoint(aws: Aws) -> str:
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
    """Write the file atomically; return its path and the change set's ARN. `change_set`: None if nothing changes.

    If that fails or is interrupted, there is no file. Raises Failure(FAILED).
    """
    path = context.options.save or Path()
    later: dict[str, object] = {"plan": plan_json.as_json(report)}
    if change_set:
        later |= {"stack": change_set.stack_id, "change_set": change_set.id}
    else:
        later["deployment"] = replace(draft.deployment, version=draft.before.version)
    try:
        outputs_file.replace(path.resolve(), draft.model_copy(update=later).text())
    except OSError as error:
        message = f"the plan could not be saved to {path}: {error.strerror}"
        raise Failure(Exit.FAILED, message, "name another file") from error
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


@contextmanager
def opened(options: Options, ui: Ui, root: Path) -> Iterator[tuple[SavedPlan, Context, AccountState]]:
    """Read the file of --apply or --discard, and connect to the place that it is for.

    The consent in the context's options is the plan's. Raises Failure(USAGE) for a file that is not a plan, (REFUSED)
    for a plan of another environment, account, Region or endpoint.
    """
    try:
        plan = saved_plan.parse(options.file.read_bytes(), str(options.file))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise Failure(Exit.USAGE, f"{options.file} cannot be read: {getattr(error, 'strerror', '') or error}") from None
    environment = connection.load_environment(options)
    consent = replace(
        options,
        allow_replace=frozenset(plan.allow_replace),
        no_rollback=plan.no_rollback,
        orders_per_day=plan.orders_per_day,
        ttl=plan.ttl,
    )
    aws = connection.connect(ui, environment, options, root)
    with side_effects.reported(aws):
        account_state = connection.check_account(ui, aws, environment, limits=False)
        there = [plan.deployment.environment, plan.account, plan.region, plan.endpoint]
        here = [environment.name, account_state.account, aws.region, _endpoint(aws)]
        if options.command == "--apply":
            there += [plan.like, plan.service_role]
            here += [options.like or "", aws.service_role or ""]
        names = ("environment", "account", "Region", "endpoint", "--like", "service role")
        if there != here:
            different = [f"{n} {a!r}, not {b!r}" for n, a, b in zip(names, there, here, strict=False) if a != b]
            hint = f"see --env, --like, --profile, --region, --local, AWS_ENDPOINT_URL and role_arn; or {AGAIN}"
            raise Failure(Exit.REFUSED, f"the plan is for {' and '.join(different)}", hint)
        yield plan, Context(ui, aws, environment, consent, account_state.caller), account_state
