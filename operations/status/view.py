"""Show an environment's status: short on screen, complete as JSON."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from deployer import durations
from deployer.show.ui import Ui
from deployer.stacks.tree import Stack
from operations.queues.lookup import Queue
from operations.status import alarms
from operations.status.alarms import Alarm

_LONGEST = 160
_NAMED = 5


def show_stacks(ui: Ui, stacks: Iterable[Stack], now: datetime) -> None:
    """Show ages: a table row must fit the screen; the JSON has the times."""
    rows = [(stack.title, str(stack.status), _ago(stack.changed, now), _drift(stack, now)) for stack in stacks]
    ui.table(rows, ("stack", "status", "last changed", "last known drift"))
    for stack in stacks:
        if reason := stack.entry.get("StackStatusReason", "").strip() if not stack.status.succeeded else "":
            ui.line(f"  ! {stack.title}: {_short(reason)}", "yellow")
    ui.line("No drift detection was started; --drift starts one.", "dim")


def show_alarms(ui: Ui, found: list[Alarm], now: datetime) -> None:
    number = alarms.counts(found)
    in_alarm = [alarm for alarm in found if alarm.state == alarms.ALARM]
    ui.line(
        f"Alarms: {number[alarms.OK]} OK, {number[alarms.ALARM]} in alarm, {number[alarms.NO_DATA]} without enough data",
        "bold red" if in_alarm else "",
    )
    for alarm in in_alarm:
        kind = " (composite)" if alarm.composite else ""
        ui.line(f"  {ui.bad} {alarm.name}{kind}, since {_when(alarm.since, now)}", "red")
        ui.line(f"      {_short(alarm.reason)}")
    if silenced := [alarm.name for alarm in found if not alarm.actions]:
        more = f", and {len(silenced) - _NAMED} more" if len(silenced) > _NAMED else ""
        ui.warn(f"actions are disabled, so these alarms do not notify: {', '.join(silenced[:_NAMED])}{more}")


def show_queues(ui: Ui, queues: Iterable[Queue]) -> None:
    """Show dead-letter queues with messages; only count the empty ones."""
    queues = list(queues)
    full = [queue for queue in queues if _messages(queue)]
    if not full:
        ui.line(f"Dead letters: none in {len(queues)} queues")
    for queue in full:
        ui.line(
            f"Dead letters: about {_messages(queue)} in {queue.logical_id}; --dlq {queue.logical_id} shows them", "red"
        )


def show_settings(ui: Ui, settings: Mapping[str, Mapping]) -> None:
    for name, document in settings.items():
        ui.line(f"{name}: " + ", ".join(f"{key} {_plain(value)}" for key, value in sorted(document.items())))


def stacks_as_json(stacks: Iterable[Stack]) -> list[dict]:
    return [
        {
            "stack": stack.path,
            "name": stack.entry["StackName"],
            "status": stack.status.name,
            "reason": stack.entry.get("StackStatusReason", ""),
            "lastOperation": stack.changed.isoformat(),
            "drift": {"status": status, "checked": checked and checked.isoformat()},
        }
        for stack in stacks
        for status, checked in [last_drift(stack)]
    ]


def alarms_as_json(found: Iterable[Alarm]) -> dict:
    found = list(found)
    return {
        "counts": alarms.counts(found),
        "inAlarm": [
            {
                "name": alarm.name,
                "composite": alarm.composite,
                "since": alarm.since.isoformat(),
                "reason": alarm.reason,
                "description": alarm.description,
            }
            for alarm in found
            if alarm.state == alarms.ALARM
        ],
        "withoutData": [alarm.name for alarm in found if alarm.state == alarms.NO_DATA],
        "silenced": [alarm.name for alarm in found if not alarm.actions],
    }


def queues_as_json(queues: Iterable[Queue]) -> list[dict]:
    return [{"queue": each.logical_id, "waiting": each.waiting, "inFlight": each.in_flight} for each in queues]


def last_drift(stack: Stack) -> tuple[str, datetime | None]:
    """What the last detection on this stack found, and when; ("NOT_CHECKED", None) before the first."""
    known = stack.entry.get("DriftInformation") or {}
    return known.get("StackDriftStatus", "NOT_CHECKED"), known.get("LastCheckTimestamp")


def _drift(stack: Stack, now: datetime) -> str:
    status, checked = last_drift(stack)
    stale = ", older than its last change" if checked and checked < stack.changed else ""
    return f"{status} {_ago(checked, now)}{stale}" if checked else status


def _messages(queue: Queue) -> int:
    return queue.waiting + queue.in_flight


def _when(moment: datetime, now: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {_ago(moment, now)}"


def _ago(moment: datetime, now: datetime) -> str:
    return f"{durations.words(now - moment)} ago"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
