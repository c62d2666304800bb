"""The inventory of alarms: the one list that the monitoring stack and the dashboard are built from.

`spec` says what an alarm is, the other modules which there are, by concern. An alarm of a path has no
action: the path's composite alarm notifies for all of them, so that one incident rings once.
"""

from generator.alarms import api, business, functions, objectives, queues, table
from generator.alarms.spec import ASYNC, EVENTS, IMPORT, SYNC, Alarm, Composite, of_path

_MEANING = {
    SYNC: "Requests to the order API fail, are slow, or soon will be.",
    ASYNC: "Orders handed in for later are not stored, late, or soon will be.",
    IMPORT: "Partners' files are not imported as they should be.",
    EVENTS: "Changes of orders are not announced, or late.",
}


def inventory() -> list[Alarm]:
    modules = (api, objectives, functions, queues, table, business)
    return [alarm for module in modules for alarm in module.alarms()]


def composites() -> list[Composite]:
    """Each after those that belong to it."""
    return [*objectives.composites(), *(_path(path, meaning) for path, meaning in _MEANING.items())]


def members(composite: Composite) -> list[Alarm | Composite]:
    return [each for each in [*inventory(), *composites()] if each.group == composite.key]


def _path(path: str, meaning: str) -> Composite:
    return Composite(
        of_path(path),
        None,
        meaning,
        "on the dashboard, which alarm of this path is red; do what that one says. Only this one notifies.",
    )
