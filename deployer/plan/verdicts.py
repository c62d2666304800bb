"""What the change set adds to our own comparison: properties that only the service sees, and its word on
replacement. Pure.

A detail counts only when it tells of a change: `Detail.direct`. A reference whose value is merely not
known yet is listed as well, with RequiresRecreation Always where the property is immutable, and turns
the whole resource's Replacement to True; nothing of that need happen.
"""

import json
from collections.abc import Iterable
from dataclasses import replace

from deployer.plan.changes import (
    ABSENT,
    Action,
    Change,
    Detail,
    Difference,
    Item,
    Replaces,
    Unknown,
    Verdict,
)

KNOWN_LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"

_RECREATION = {"Always": Replaces.CERTAINLY, "Conditionally": Replaces.POSSIBLY}
_WORST_FIRST = (
    (Replaces.CERTAINLY, Action.REPLACE),
    (Replaces.POSSIBLY, Action.MAY_REPLACE),
    (Replaces.NO, Action.MODIFY),
)


def action_of(differences: Iterable[Difference]) -> Action:
    """What happens to a resource that stays: the worst difference decides."""
    found = {difference.replaces for difference in differences} | {Replaces.NO}
    return next(action for verdict, action in _WORST_FIRST if verdict in found)


def merged(ours: Change, verdict: Verdict) -> Change:
    """Our change with the service's word in it, and with what only the service sees changing.

    It may say of a possible replacement that it will or will not be; one that we hold for certain stays.
    """
    if ours.action in (Action.ADD, Action.REMOVE) or verdict.action != "Modify":
        return ours
    direct = [detail for detail in verdict.details if detail.direct]
    known = tuple(_corrected(difference, verdict, direct) for difference in ours.differences)
    new = tuple(_difference(detail) for detail in direct if _name(detail) not in ours.properties)
    action = action_of(known + new) if ours.action is not Action.REPLACE else ours.action
    if verdict.replacement == "True" and not verdict.details:
        action = Action.REPLACE
    return replace(ours, differences=known + new, action=action)


def only_theirs(verdict: Verdict) -> Change | None:
    """A change that only the service sees; None for one that merely follows from a reference."""
    place = (verdict.stack, verdict.logical_id, verdict.type)
    if verdict.action in ("Add", "Import"):
        return Change(*place, Action.ADD)
    if verdict.action == "Remove":
        return Change(*place, Action.REMOVE, retained=verdict.retained)
    found = tuple(_difference(detail) for detail in verdict.details if detail.direct)
    if not found and (verdict.details or verdict.replacement != "True"):
        return None
    return Change(*place, action_of(found) if found else Action.MAY_REPLACE, found, verdict.retained)


def _corrected(difference: Difference, verdict: Verdict, direct: list[Detail]) -> Difference:
    told = {detail.recreation for detail in direct if _name(detail) == difference.name} - {""}
    if "Always" in told:
        return replace(difference, replaces=Replaces.CERTAINLY)
    if difference.replaces is Replaces.POSSIBLY and (told == {"Never"} or verdict.replacement == "False"):
        return replace(difference, replaces=Replaces.NO)
    return difference


def _name(detail: Detail) -> str:
    return detail.name or detail.attribute


def _difference(detail: Detail) -> Difference:
    if detail.before is None and detail.after is None:
        before = after = Unknown()  # not told
    else:
        before, after = _value(detail.before), _value(detail.after)
    replaces = _RECREATION.get(detail.recreation, Replaces.NO)
    return Difference(_steps(detail), before, after, replaces, detail.attribute)


def _steps(detail: Detail) -> tuple:
    """/Properties/Roles/0 -> Roles, item 0. A path may be missing, or begin with Properties for another attribute."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in detail.path.split("/")[1:]] or [detail.name]
    if parts[0] == "Properties":
        parts = parts[1:]
    if parts[:1] == [detail.attribute]:
        parts = parts[1:]
    return tuple(Item(int(part)) if part.isdigit() else part for part in parts if part)


def _value(text: str | None):
    if text is None:
        return ABSENT
    if text == KNOWN_LATER:
        return Unknown()
    if text.startswith(("{", "[")):
        try:
            return json.loads(text)
        except ValueError:
            return text  # a long one is cut off by the service
    return text
