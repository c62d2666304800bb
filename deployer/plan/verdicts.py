"""Add to the comparison what only the change set contains: further properties, and CloudFormation's replacement. Pure.

Only direct details count (`Detail.direct`). A change set also lists references whose value is not known yet, with
RequiresRecreation Always if the property is immutable, and Replacement True; neither need happen.
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
_MOST_DESTRUCTIVE_FIRST = (
    (Replaces.CERTAINLY, Action.REPLACE),
    (Replaces.POSSIBLY, Action.MAY_REPLACE),
    (Replaces.NO, Action.MODIFY),
)


def action_of(differences: Iterable[Difference]) -> Action:
    """Return what happens to a retained resource: the most destructive difference decides."""
    found = {difference.replaces for difference in differences} | {Replaces.NO}
    return next(action for verdict, action in _MOST_DESTRUCTIVE_FIRST if verdict in found)


def merged(ours: Change, verdict: Verdict) -> Change:
    """Merge the change set's verdict into our change: replacements that it decides, and properties that only it lists.

    The verdict decides a possible replacement; one that is certain by our comparison stays.
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


def only_listed(verdict: Verdict) -> Change | None:
    """Return a change that only the change set lists; None if it only follows from a reference."""
    resource = (verdict.stack, verdict.logical_id, verdict.type)
    if verdict.action in ("Add", "Import"):
        return Change(*resource, Action.ADD)
    if verdict.action == "Remove":
        return Change(*resource, Action.REMOVE, retained=verdict.retained)
    found = tuple(_difference(detail) for detail in verdict.details if detail.direct)
    if not found and (verdict.details or verdict.replacement != "True"):
        return None
    return Change(*resource, action_of(found) if found else Action.MAY_REPLACE, found, verdict.retained)


def _corrected(difference: Difference, verdict: Verdict, direct: list[Detail]) -> Difference:
    recreations = {detail.recreation for detail in direct if _name(detail) == difference.name} - {""}
    if "Always" in recreations:
        return replace(difference, replaces=Replaces.CERTAINLY)
    if difference.replaces is Replaces.POSSIBLY and (recreations == {"Never"} or verdict.replacement == "False"):
        return replace(difference, replaces=Replaces.NO)
    return difference


def _name(detail: Detail) -> str:
    return detail.name or detail.attribute


def _difference(detail: Detail) -> Difference:
    if detail.before is None and detail.after is None:
        before = after = Unknown()
    else:
        before, after = _value(detail.before), _value(detail.after)
    replaces = _RECREATION.get(detail.recreation, Replaces.NO)
    return Difference(_steps(detail), before, after, replaces, detail.attribute)


def _steps(detail: Detail) -> tuple:
    """Convert /Properties/Roles/0 to steps. The path may be missing, or begin with Properties for another attribute."""
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
            return text  # CloudFormation truncates long values
    return text
