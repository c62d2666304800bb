"""Changes that only publish functions: a version is replaced by the next one, and the alias moves on to it. Pure."""

from collections.abc import Iterable

from deployer.plan.changes import Action, Change

VERSION, ALIAS = "AWS::Lambda::Version", "AWS::Lambda::Alias"


def is_publication(change: Change) -> bool:
    """Return True for a version that is replaced and for its alias: an old version is no data, and is kept."""
    if change.type == VERSION:
        return change.action is Action.REPLACE
    return change.type == ALIAS and change.action is Action.MODIFY and change.properties == ("FunctionVersion",)


def others(changes: Iterable[Change]) -> list[Change]:
    return [change for change in changes if not is_publication(change)]


def published(changes: Iterable[Change]) -> list[str]:
    """Return the functions that get a new version: `OrdersCommand` for the version `OrdersCommandVersion`."""
    return [
        change.logical_id.removesuffix("Version")
        for change in changes
        if change.type == VERSION and is_publication(change)
    ]
