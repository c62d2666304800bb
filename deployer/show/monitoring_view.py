"""Alarm rollback on the screen: in the plan, and while CloudFormation monitors the alarms."""

from collections.abc import Callable
from datetime import datetime, timedelta

from deployer.aws import service_errors
from deployer.show.ui import Ui
from deployer.stacks.alarms import OK, Alarm
from deployer.stacks.rollback_triggers import Monitoring

READ_EVERY = timedelta(seconds=10)


def lines(monitoring: Monitoring) -> list[str]:
    """Return what a plan says: which alarms can roll the deployment back, for how long, and which cannot."""
    names = monitoring.alarms
    found = []
    if names:
        found.append(
            f"Alarm rollback: CloudFormation monitors {_number(names)} while it deploys and for {monitoring.minutes} min "
            f"after that, and rolls back if one goes into ALARM: {', '.join(names)}"
        )
    elif monitoring.left_out:
        found.append("Alarm rollback: none; no alarm can roll this deployment back")
    found += [f"  not {name}: {why}" for name, why in monitoring.left_out.items()]
    return found + [f"  {name} is {why}; a deployment is refused" for name, why in monitoring.in_alarm.items()]


def text(ui: Ui, monitoring: Monitoring) -> None:
    for line in lines(monitoring):
        ui.line(line, "yellow" if line.startswith(" ") else "")


def as_json(monitoring: Monitoring) -> dict:
    return {
        "alarms": list(monitoring.alarms),
        "minutes": monitoring.minutes if monitoring.alarms else 0,
        "leftOut": dict(monitoring.left_out),
        "inAlarm": dict(monitoring.in_alarm),
    }


class MonitoringView:
    """The monitoring time of an operation: the time left and the alarms' states.

    CloudFormation has no event for it: the stack stays IN_PROGRESS after the event of its last resource.
    `states`: reads the alarms, while CloudFormation monitors them at most every 10 seconds.
    """

    def __init__(self, monitoring: Monitoring, states: Callable[[], list[Alarm]]):
        self.monitoring = monitoring
        self.states = states
        self.known: list[Alarm] = []
        self.read_at: datetime | None = None

    def refresh(self, quiet_since: datetime | None, now: datetime) -> None:
        """Read the states if it is time. A failure shows as unknown states: it must not end the watching."""
        if not self.line(quiet_since, now) or (self.read_at and now - self.read_at < READ_EVERY):
            return
        self.read_at = now
        try:
            self.known = self.states()
        except Exception as error:
            if not service_errors.reason(error):
                raise
            self.known = []

    def line(self, quiet_since: datetime | None, now: datetime) -> str:
        """Return the line; "" unless CloudFormation monitors. `quiet_since`: see `Progress.quiet_since`."""
        if quiet_since is None or not (self.monitoring.alarms and self.monitoring.minutes):
            return ""
        left = max(0, round((quiet_since + timedelta(minutes=self.monitoring.minutes) - now).total_seconds()))
        return (
            f"Monitoring {_number(self.monitoring.alarms)} for {self.monitoring.minutes} min: "
            f"about {left // 60}:{left % 60:02} left, {self._states()}"
        )

    def _states(self) -> str:
        others = [f"{alarm.name} {alarm.state}" for alarm in self.known if alarm.state != OK]
        return ", ".join(others) or ("all OK" if self.known else "states unknown")


def _number(names: tuple[str, ...]) -> str:
    return f"{len(names)} alarm{'s' * (len(names) > 1)}"
