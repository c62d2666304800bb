"""Decide which alarms can roll a deployment back, and refuse one that CloudFormation would roll back at once."""

from collections.abc import Iterable, Mapping

from config.environment import Environment
from deployer.aws import advice
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.plan import rollback_alarms
from deployer.plan.snapshot import Snapshot
from deployer.stacks import alarms
from deployer.stacks.alarms import Alarm
from deployer.stacks.deployment_records import ROLLBACK
from deployer.stacks.rollback_triggers import UNMONITORED, Monitoring

_CREATED = "this deployment creates it, so the next one is the first that it can roll back"
_REMOVED = (
    "this deployment removes it, renames it or makes it no trigger; a trigger that is missing fails the operation"
)


def check(
    aws: Aws, environment: Environment, options: Options, caller: str, now: Snapshot, then: Snapshot
) -> Monitoring:
    """Return the alarms that monitor the deployment from `now` to `then`. `caller`: the ARN of GetCallerIdentity.

    Raises Failure(REFUSED) for an alarm in ALARM, unless the run only plans, or leaves such alarms out: with
    --ignore-alarms, and always for --rollback, which is a way out of the alarm.
    """
    minutes = environment.release.monitoring_minutes
    if not minutes:
        return UNMONITORED
    found = rollback_alarms.compare(now, then)
    left_out = {name: _CREATED for name in found.created} | {name: _REMOVED for name in found.removed}
    if options.no_rollback:
        return Monitoring(left_out={name: "--no-rollback" for name in found.kept} | left_out)
    known = _states(aws, found.kept)
    left_out |= {name: "it was deleted outside CloudFormation" for name in found.kept if name not in known}
    firing = _firing(known)
    if options.ignore_alarms or options.command == "--rollback":
        left_out |= {alarm.name: _in_alarm(alarm) for alarm in firing}
    elif firing and not options.plan:
        status = options.at_the_same_place("--status").command_line()
        raise _refusal(
            [f"{alarm.name} is {_in_alarm(alarm)}" for alarm in firing],
            f"see which alarm caused it: {status}; if this deployment is to end the incident, --ignore-alarms leaves "
            "out what is in ALARM",
        )
    partition, account = caller.split(":")[1], caller.split(":")[4]
    arn = f"arn:{partition}:cloudwatch:{aws.region}:{account}:alarm:"
    return Monitoring(
        tuple(f"{arn}{name}" for name in found.kept if name not in left_out),
        minutes,
        left_out,
        {alarm.name: _in_alarm(alarm) for alarm in firing if alarm.name not in left_out},
    )


def check_triggers(aws: Aws, saved: Monitoring, kind: str) -> None:
    """Raise Failure(REFUSED) if an alarm of a change set that was made before is in ALARM now, or does not exist.

    `kind`: of the deployment; a rollback leaves such alarms out without --ignore-alarms.
    """
    known = _states(aws, saved.alarms)
    problems = [f"{name} does not exist" for name in saved.alarms if name not in known]
    problems += [f"{alarm.name} is {_in_alarm(alarm)}" for alarm in _firing(known)]
    if problems:
        again = "apply it when that is over, or plan again, to leave out what is in ALARM"
        raise _refusal(problems, again + ": --ignore-alarms" * (kind != ROLLBACK))


def _states(aws: Aws, names: Iterable[str]) -> dict[str, Alarm | None]:
    """Return name -> alarm, without those that do not exist; None for all if they cannot be read.

    The stack has them, so they most likely exist: without cloudwatch:DescribeAlarms CloudFormation monitors them all
    the same, and one in ALARM costs a rollback, not an outage.
    """
    unread = "the rollback alarms' states are unknown: CloudFormation rolls back at once if one is in ALARM"
    known = advice.ask(aws, unread, lambda: alarms.named(aws, names), None)
    if known is None:
        return dict.fromkeys(names)
    return {alarm.name: alarm for alarm in known}


def _in_alarm(alarm: Alarm) -> str:
    return f"in ALARM since {alarm.since:%Y-%m-%d %H:%M} UTC: {alarm.reason or 'no reason given'}"


def _firing(known: Mapping[str, Alarm | None]) -> list[Alarm]:
    return [alarm for alarm in known.values() if alarm and alarm.state == alarms.ALARM]


def _refusal(problems: list[str], hint: str) -> Failure:
    why = f"refused: CloudFormation would roll back at once, since {'; '.join(problems)}"
    return Failure(Exit.REFUSED, why, hint)
