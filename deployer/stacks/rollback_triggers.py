"""CloudFormation's rollback triggers: the alarms of one operation, and the alarm that rolled it back.

CloudFormation rolls an operation back if a trigger goes into ALARM while it runs or in the monitoring time after its
last resource; old resources are deleted after that. INSUFFICIENT_DATA does not count. (CloudFormation user guide, "Roll
back your CloudFormation stack on alarm breach with rollback triggers".)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployer.aws import advice
from deployer.aws.session import Aws
from deployer.plan.rollback_alarms import COMPOSITE
from deployer.stacks import alarms
from deployer.stacks.alarms import Alarm
from deployer.stacks.causes import is_consequence, root_cause
from deployer.stacks.execution import Outcome


@dataclass(frozen=True)
class Monitoring:
    """The alarms that can roll an operation back, and the minutes of monitoring after its last resource.

    `triggers`: ARNs, at most five. `left_out`: name -> why an alarm is none of them. `in_alarm`: name -> since when
    and why one of them is in ALARM, in a plan.
    """

    triggers: tuple[str, ...] = ()
    minutes: int = 0
    left_out: Mapping[str, str] = field(default_factory=dict)
    in_alarm: Mapping[str, str] = field(default_factory=dict)

    @property
    def alarms(self) -> tuple[str, ...]:
        """Return the triggers' names."""
        return tuple(arn.partition(":alarm:")[2] for arn in self.triggers)

    @property
    def request(self) -> dict[str, object]:
        """The RollbackConfiguration of CreateChangeSet.

        It is always complete: CloudFormation applies what an earlier operation left out or kept. Without triggers the
        time is 0: CloudFormation would wait for it in vain.
        """
        triggers = [{"Arn": arn, "Type": COMPOSITE} for arn in self.triggers]
        return {"RollbackTriggers": triggers, "MonitoringTimeInMinutes": self.minutes if triggers else 0}


UNMONITORED = Monitoring()


def of_stack(stack: Mapping[str, Any] | None) -> Monitoring:
    """Return the triggers of the stack's running operation. `stack`: a DescribeStacks entry."""
    found = (stack or {}).get("RollbackConfiguration", {})
    arns = tuple(trigger["Arn"] for trigger in found.get("RollbackTriggers", []))
    return Monitoring(arns, found.get("MonitoringTimeInMinutes", 0))


@dataclass(frozen=True)
class Breach:
    """The alarm that rolled an operation back. `reason`: of its state, or CloudFormation's if that could not be read.

    `causes`: the alarms that brought it into ALARM.
    """

    name: str
    reason: str
    causes: tuple[Alarm, ...] = ()


def breach(aws: Aws, outcome: Outcome, monitoring: Monitoring) -> Breach | None:
    """Return the alarm that caused a rollback; None if the operation succeeded or failed for another reason.

    CloudFormation's reason may name the alarm. If it does not, and no resource had failed by then, it is the trigger that
    has been in ALARM for longest.
    """
    if not (monitoring.triggers and "ROLLBACK" in outcome.status.name):
        return None
    begun = [event for event in outcome.events if event.of_the_stack and event.status.endswith("ROLLBACK_IN_PROGRESS")]
    reason = next((event.reason for event in begun if event.reason), "")
    named = [name for name in monitoring.alarms if name in reason]
    cause = root_cause(event for event in outcome.events if not begun or event.time <= begun[0].time)
    failed = cause is not None and not cause.of_the_stack and not is_consequence(cause)
    if not named and (failed or reason == "User Initiated"):
        return None
    known = {alarm.name: alarm for alarm in _read(aws, monitoring.alarms)}
    firing = sorted((each for each in known.values() if each.state == alarms.ALARM), key=lambda each: each.since)
    found = named or [alarm.name for alarm in firing]
    if not found:
        return None
    alarm, began = known.get(found[0]), outcome.events[0].time
    children = _read(aws, alarm.children) if alarm else []
    causes = [child for child in children if child.state == alarms.ALARM or child.since >= began]
    return Breach(found[0], alarm.reason if alarm else reason, tuple(causes))


def _read(aws: Aws, names: Iterable[str]) -> list[Alarm]:
    return advice.ask(aws, "the alarms were not read", lambda: alarms.named(aws, names), [])
