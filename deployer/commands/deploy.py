"""One deployment from beginning to end. Every step in its order; how each works is in its own module."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from config import names
from config.environment import Environment
from deployer import flags
from deployer.aws import connection, local, session
from deployer.build import artifacts, checkout, desired
from deployer.build.desired import Built
from deployer.commands import executing, interruptions, rescue
from deployer.commands.options import Options
from deployer.errors import Exit, Failure
from deployer.plan import compare as planning
from deployer.plan import guard, snapshot
from deployer.plan.changes import Action, Plan
from deployer.preflight import checks as preflight
from deployer.preflight.checks import Facts
from deployer.show import bars, present, progress
from deployer.show.ui import QUIET_SECONDS, Ui, ask, can_ask
from deployer.stacks import changeset, execution, leftovers, operation, outputs, reading
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.execution import Outcome


@dataclass(frozen=True)
class Result:
    """`kind`: deployed, unchanged or planned."""

    kind: str
    outputs: Mapping[str, str]
    plan: Plan | None = None


def run(options: Options, ui: Ui, root: Path) -> Result:
    """Deploy, or plan to. Raises Failure with the exit code for whatever ends it early."""
    with interruptions.terminable():
        return _run(options, ui, root)


def _run(options: Options, ui: Ui, root: Path) -> Result:
    environment = checkout.environment(options.env)
    _must_be_for_debugging(environment, options)
    region = options.region or environment.region
    session.check_region(region)
    rendered = checkout.rendered(ui)
    cache = local.cache_directory(root)
    checkout.check(ui, rendered, region, cache)
    packages = checkout.packages(ui, root, cache)
    aws = connection.connect(ui, environment, options, root)
    with ui.step("Preflight") as step:
        facts = preflight.check(aws, environment)
        step.result = (
            f"account {facts.account}, {aws.region}, stack {names.root_stack(environment.name)}: {facts.status}"
        )

    def verified(stack_id: str, outcome: Outcome) -> None:
        _finish(ui, aws, stack_id, outcome)

    facts = rescue.clear_the_way(ui, aws, environment, options, facts, verified)
    built = desired.build(aws, environment, rendered, packages, facts)
    if desired.unchanged(aws, facts, built):
        ui.line("Nothing to change: what is deployed is what this checkout says.")
        return Result("unchanged", _outputs(ui, aws, facts.stack, options))
    _must_be_able_to_ask(options)
    _upload(ui, aws, built, facts)
    return _change(ui, aws, environment, options, facts, built)


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
            "there are changes, and nobody at a terminal to confirm them; nothing was changed",
            "look with --plan, then deploy with --yes",
        )


def _upload(ui: Ui, aws, built: Built, facts: Facts) -> None:
    with ui.step("Upload", spinner=False) as step, bars.waiting(ui, "Upload") as on_news:
        made = artifacts.ensure_bucket(aws, built.bucket, facts.account)
        objects = built.objects()
        put = artifacts.upload_missing(aws, built.bucket, facts.account, objects, _telling(on_news))
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


def _change(ui: Ui, aws, environment: Environment, options: Options, facts: Facts, built: Built) -> Result:
    change_set, plan = _planned(ui, aws, environment, facts, built)
    if change_set.empty:
        leftovers.discard(aws, change_set, execution.pace(aws).pause)
        ui.line("Nothing to change, says CloudFormation.")
        return Result("unchanged", _outputs(ui, aws, reading.describe(aws, change_set.stack_id), options), plan)
    with executing.unless_executed(aws, change_set):
        present.show_plan(ui, plan)
        _refuse_data_loss(ui, plan, options)
        _refuse_replacement_without_rollback(plan, options)
        if options.plan:
            leftovers.discard(aws, change_set, execution.pace(aws).pause)
            ui.line("Only a plan: nothing was changed.")
            return Result("planned", {}, plan)
        if not (options.yes or ask("Deploy this?")):
            raise Failure(Exit.REFUSED, "not confirmed; nothing was changed")
        outcome = _execute(ui, aws, environment, options, facts, change_set, plan)
    return Result("deployed", _finished(ui, aws, environment, options, change_set, outcome), plan)


def _planned(ui: Ui, aws, environment: Environment, facts: Facts, built: Built) -> tuple[ChangeSet, Plan]:
    stack = names.root_stack(environment.name)
    with ui.step("Plan") as step, executing.alone(aws, stack):
        now = reading.deployed(aws, facts.stack)
        then = snapshot.desired(built.bundle, built.parameters, now)
        change_set = changeset.create(
            aws,
            stack,
            new=facts.status.is_new,
            exists=facts.status.exists,
            template_url=built.bundle.root_url,
            parameters=built.parameters,
            tags={"Project": names.PROJECT, "Environment": environment.name},
            token=operation.token(facts.caller),
            pause=execution.pace(aws).pause,
        )
        with executing.unless_executed(aws, change_set):
            plan = planning.make(now, then, change_set.verdicts)
            step.result = present.summary(plan)
    return change_set, plan


def _refuse_data_loss(ui: Ui, plan: Plan, options: Options) -> None:
    """Told with --plan as well; refused only where it would happen."""
    dangers = guard.dangers(plan, options.allow_replace)
    present.show_dangers(ui, dangers)
    refused = [danger for danger in dangers if not danger.allowed]
    if refused and not options.plan:
        flags_needed = " ".join(f"--allow-replace {danger.change.logical_id}" for danger in refused)
        raise Failure(
            Exit.REFUSED,
            f"refused, nothing was changed: {len(refused)} of the changes would replace or delete data",
            f"if that is what you want: {flags_needed}",
        )


def _refuse_replacement_without_rollback(plan: Plan, options: Options) -> None:
    """CloudFormation fails such an update half way: it could not take the replaced resource back."""
    replaced = [change.path for change in plan.changes if change.action is Action.REPLACE]
    if options.no_rollback and replaced and not options.plan:
        raise Failure(
            Exit.REFUSED,
            f"refused, nothing was changed: with --no-rollback CloudFormation replaces nothing ({', '.join(replaced)})",
            "deploy without --no-rollback",
        )


def _execute(
    ui: Ui, aws, environment: Environment, options: Options, facts: Facts, change_set: ChangeSet, plan: Plan
) -> Outcome:
    if flags.write_if_absent(aws, environment):
        ui.line(f"{ui.ok} Flags      wrote {names.parameter_path(environment.name, 'feature-flags')} (SecureString)")
    stack, expected = names.root_stack(environment.name), progress.expected(plan)
    return executing.carry_out(ui, aws, stack, change_set, facts.caller, expected, disable_rollback=options.no_rollback)


def _finished(
    ui: Ui, aws, environment: Environment, options: Options, change_set: ChangeSet, outcome: Outcome
) -> dict[str, str]:
    """The outputs of a deployment that succeeded; one that failed raises Failure(FAILED), its cause shown."""
    stack = names.root_stack(environment.name)
    try:
        _finish(ui, aws, change_set.stack_id, executing.succeeded(ui, outcome, stack, aws.region))
        return _outputs(ui, aws, reading.describe(aws, change_set.stack_id), options)
    except KeyboardInterrupt:
        raise Failure(
            Exit.INTERRUPTED,
            f"interrupted; the deployment itself is over: stack {stack} is in {outcome.status}",
            "run the same command again to see that nothing is left to do, and the outputs",
        ) from None


def _finish(ui: Ui, aws, stack_id: str, outcome: Outcome) -> None:
    """What follows a deployment that succeeded, whether this run began it or resumed it."""
    executing.verify(ui, aws, stack_id, outcome)


def _outputs(ui: Ui, aws, stack: Mapping | None, options: Options) -> dict[str, str]:
    values = outputs.of_stack(stack or {})
    if options.local:
        values = outputs.with_api_key(aws, outputs.localized(values, aws.endpoint_url))
    present.show_outputs(ui, values)
    if options.outputs_file:
        outputs.write(options.outputs_file, values)
    return values
