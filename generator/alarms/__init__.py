"""The inventory of alarms: the monitoring stack, the dashboard and docs/alarms.md follow from it.

`spec` defines an alarm, the other modules list them by concern. An alarm of a path has no action: the path's composite
alarm notifies for all of them, once per incident.
"""

from generator.alarms import api, business, functions, keys, objectives, queues, table
from generator.alarms.spec import ASYNC, EVENTS, IMPORT, SYNC, Alarm, Composite, of_path
from generator.notices import Page, Ticket

_PATHS = (
    (SYNC, Page("customers cannot order, or wait"), "Requests to the order API fail, are slow, or soon will be."),
    (ASYNC, Page("accepted orders are not stored"), "Accepted orders are not stored, or late, or soon will be."),
    (
        IMPORT,
        Ticket("files are kept, and imported again without harm"),
        "Imports of partners' files fail, or refuse more records than usual.",
    ),
    (
        EVENTS,
        Page("Lambda stops retrying to announce a change after six hours"),
        "Changes of orders are not announced, or are announced late.",
    ),
)


def inventory() -> list[Alarm]:
    modules = (api, keys, objectives, functions, queues, table, business)
    return [alarm for module in modules for alarm in module.alarms()]


def composites() -> list[Composite]:
    return [_path(path, notice, meaning) for path, notice, meaning in _PATHS]


def with_composites() -> list[Alarm | Composite]:
    return [*inventory(), *composites()]


def members(composite: Composite) -> list[Alarm]:
    return [each for each in inventory() if each.group == composite.key]


def _path(path: str, notice: Page | Ticket, meaning: str) -> Composite:
    return Composite(
        of_path(path),
        notice,
        meaning,
        "find which alarm of this path is in ALARM (deploy.py --status, or the dashboard), and follow its description. "
        "Only this one notifies.",
    )
