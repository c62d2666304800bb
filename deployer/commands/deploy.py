"""One deployment from beginning to end. Every step in its order; how each works is in its own module."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config import names
from config.environment import Environment
from deployer import flags
from deployer.aws import connection, local, session
from deployer.build import artifacts, checkout, desired
from deployer.build.desired import Built
from deployer.build.locations import Sources
from deployer.commands.options import Options
from deployer.errors import Exit, Failure
from deployer.plan import compare as planning
from deployer.plan import guard, snapshot
from deployer.plan.changes import Plan
from deployer.preflight import changes, taken
from deployer.preflight import checks as preflight
from deployer.preflight.checks import Facts
from deployer.show import failure, present
from deployer.show.progress import display
from deployer.show.ui import Ui, ask, can_ask
from deployer.stacks import changeset, diagnosis, execution, outputs, reading, validation
from deployer.stacks.changeset import ChangeSet


@dataclass(frozen=True)
class Result:
    """`kind`: deployed, unchanged or planned."""

    kind: str
    outputs: Mapping[str, str]
    plan: Plan | None = None


def run(options: Options, ui: Ui, root: Path) -> Result:
    """Deploy, or plan to. Raises Failure with the exit code for whatever ends it early."""
    environment = checkout.environment(options.env)
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
    built = desired.build(aws, environment, rendered, packages, facts)
    if desired.unchanged(aws, facts, built):
        ui.line("Nothing to change: what is deployed is what this checkout says.")
        return Result("unchanged", _outputs(ui, aws, facts.stack, options))
    _must_be_able_to_ask(options)
    facts = _without_failed_creation(ui, aws, facts, options)
    _check_changes(ui, aws, facts, built, options)
    _upload(ui, aws, built, facts)
    return _change(ui, aws, environment, options, facts, built, Sources(rendered))


def _must_be_able_to_ask(options: Options) -> None:
    """Before the first write: in a pipeline nobody could answer the question at its end."""
    if not (options.plan or options.yes or can_ask()):
        raise Failure(
            Exit.REFUSED,
            "there are changes, and nobody at a terminal to confirm them; nothing was changed",
            "look with --plan, then deploy with --yes",
        )


def _without_failed_creation(ui: Ui, aws, facts: Facts, options: Options) -> Facts:
    """A stack in ROLLBACK_COMPLETE is in the way; it never held anything, so it is offered to be deleted."""
    if not facts.status.must_be_deleted:
        return facts
    stack = facts.stack["StackName"]
    if options.plan:
        raise Failure(
            Exit.PREFLIGHT,
            f"stack {stack} is in {facts.status}: its first creation failed, and it can only be deleted",
            "a deployment (without --plan) offers to delete it and starts anew",
        )
    if not options.yes and not ask(
        f"Stack {stack} is in {facts.status}: its first creation failed. Delete it and start anew?"
    ):
        raise Failure(Exit.REFUSED, "not confirmed; nothing was changed")
    with ui.step("Clean up") as step:
        execution.remove_failed_creation(aws, facts.stack["StackId"], _pace(aws))
        step.result = f"deleted {stack}, whose first creation had failed"
    return Facts(facts.account, facts.caller, None, facts.has_gateway_role)


def _check_changes(ui: Ui, aws, facts: Facts, built: Built, options: Options) -> None:
    with ui.step("Names") as step:
        now = reading.deployed(aws, facts.stack)
        findings = changes.check(aws, facts.caller, now, snapshot.desired(built.bundle, built.parameters, now))
        step.result = f"taken: {len(findings.taken)}" if findings.taken else "none is taken"
    for warning in findings.warnings:
        ui.warn(warning)
    if options.plan:
        for each in findings.taken:
            ui.warn(f"taken already: {each}")
    else:
        taken.refuse(findings.taken, aws.region)


def _upload(ui: Ui, aws, built: Built, facts: Facts) -> None:
    with ui.step("Upload") as step:
        made = artifacts.ensure_bucket(aws, built.bucket, facts.account)
        objects = built.objects()
        put = artifacts.upload_missing(aws, built.bucket, facts.account, objects)
        size = sum(len(objects[key]) for key in put) / 1000
        step.result = (f"{len(put)} of {len(objects)} objects, {size:.0f} kB" if put else "everything is there") + (
            f"; made bucket {built.bucket}" if made else ""
        )


def _change(
    ui: Ui, aws, environment: Environment, options: Options, facts: Facts, built: Built, sources: Sources
) -> Result:
    try:
        change_set, plan = _planned(ui, aws, environment, facts, built)
    except validation.Refused as refused:
        failure.show_problems(ui, refused.problems, sources)
        refused.report = {"problems": failure.problems_as_json(refused.problems, sources)}
        raise
    if not change_set.empty:
        failure.show_problems(ui, validation.problems(aws, change_set.id), sources)
    if change_set.empty:
        changeset.discard(aws, change_set, _pace(aws).pause)
        ui.line("Nothing to change, says CloudFormation.")
        return Result("unchanged", _outputs(ui, aws, reading.describe(aws, change_set.stack_id), options), plan)
    try:
        present.show_plan(ui, plan)
        _refuse_data_loss(ui, plan, options)
        confirmed = not options.plan and (options.yes or ask("Deploy this?"))
    except BaseException:
        changeset.discard(aws, change_set, _pace(aws).pause)
        raise
    if not confirmed:
        changeset.discard(aws, change_set, _pace(aws).pause)
        if options.plan:
            ui.line("Only a plan: nothing was changed.")
            return Result("planned", {}, plan)
        raise Failure(Exit.REFUSED, "not confirmed; nothing was changed")
    return Result("deployed", _deploy(ui, aws, environment, options, change_set, sources), plan)


def _planned(ui: Ui, aws, environment: Environment, facts: Facts, built: Built) -> tuple[ChangeSet, Plan]:
    with ui.step("Plan") as step:
        now = reading.deployed(aws, facts.stack)
        then = snapshot.desired(built.bundle, built.parameters, now)
        change_set = changeset.create(
            aws,
            names.root_stack(environment.name),
            new=facts.status.is_new,
            exists=facts.status.exists,
            template_url=built.bundle.root_url,
            parameters=built.parameters,
            tags={"Project": names.PROJECT, "Environment": environment.name},
            pause=_pace(aws).pause,
        )
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


def _deploy(
    ui: Ui, aws, environment: Environment, options: Options, change_set: ChangeSet, sources: Sources
) -> dict[str, str]:
    stack = names.root_stack(environment.name)
    if flags.write_if_absent(aws, environment):
        ui.line(f"{ui.ok} Flags      wrote {names.parameter_path(environment.name, 'feature-flags')} (SecureString)")
    try:
        with display(ui, stack) as on_events:
            outcome = execution.run(aws, change_set, on_events, _pace(aws))
    except KeyboardInterrupt:
        raise Failure(
            Exit.INTERRUPTED,
            "interrupted; CloudFormation goes on with the deployment by itself",
            "run this command again to see how it ended, or: aws cloudformation describe-stack-events "
            f"--stack-name {stack} --region {aws.region}",
        ) from None
    if not outcome.status.succeeded:
        raise _failed(ui, aws, options, stack, outcome, sources)
    _verify(ui, aws, change_set, outcome)
    return _outputs(ui, aws, reading.describe(aws, change_set.stack_id), options)


def _failed(ui: Ui, aws, options: Options, stack: str, outcome: execution.Outcome, sources: Sources) -> Failure:
    told = diagnosis.explain(
        outcome.status,
        outcome.events,
        outcome.names,
        stack=stack,
        region=aws.region,
        again=failure.command(options),
        sources=sources,
        problems=validation.of_stacks(aws, outcome.events, outcome.names),
    )
    failure.show(ui, told)
    message = f"the deployment failed; stack {stack} is in {outcome.status}"
    return Failure(Exit.FAILED, message, told.next, {"failure": failure.as_json(told)})


def _verify(ui: Ui, aws, change_set: ChangeSet, outcome: execution.Outcome) -> None:
    with ui.step("Verify") as step:
        nested = execution.nested_statuses(aws, change_set.stack_id)
        bad = [
            f"{path} is in {status}"
            for path, (arn, status) in nested.items()
            if not execution.is_well(arn, status, outcome)
        ]
        if bad:
            raise Failure(Exit.FAILED, f"the root stack is done, but {', '.join(bad)}")
        changeset.sweep(aws, [change_set.stack_id, *(arn for arn, _ in nested.values())])
        step.result = f"the root and its {len(nested)} nested stacks are complete"


def _outputs(ui: Ui, aws, stack: Mapping | None, options: Options) -> dict[str, str]:
    values = outputs.of_stack(stack or {})
    if options.local:
        values = outputs.with_api_key(aws, outputs.localized(values, aws.endpoint_url))
    present.show_outputs(ui, values)
    if options.outputs_file:
        outputs.write(options.outputs_file, values)
    return values


def _pace(aws) -> execution.Pace:
    return execution.LOCAL if aws.local else execution.REMOTE
