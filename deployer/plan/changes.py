"""The values that planning speaks in. Pure data."""

from dataclasses import dataclass
from enum import Enum


class Action(Enum):
    """What happens to one resource, from harmless to final."""

    ADD = "add"
    MODIFY = "modify"
    MAY_REPLACE = "may replace"
    REPLACE = "replace"
    REMOVE = "remove"


@dataclass(frozen=True)
class Change:
    """One resource. `stack`: logical ids of the nested stacks that lead to it, () for the root.

    `properties`: names of what differs. `kept`: a policy keeps the old resource's data when it goes.
    """

    stack: tuple[str, ...]
    logical_id: str
    type: str
    action: Action
    properties: tuple[str, ...] = ()
    kept: bool = False

    @property
    def path(self) -> str:
        return "/".join((*self.stack, self.logical_id))


@dataclass(frozen=True)
class Plan:
    """`changes`: sorted by stack. `phantoms`: how many more CloudFormation calls modified, only because
    something that they refer to may change."""

    changes: tuple[Change, ...]
    phantoms: int = 0

    def count(self, action: Action) -> int:
        return sum(change.action is action for change in self.changes)


@dataclass(frozen=True)
class Verdict:
    """What a change set says will happen to one resource.

    `action`: Add, Modify, Remove, Import or Dynamic; `replacement`: True, Conditional, False or "".
    `direct`: it changes by itself, not only because something that it refers to may.
    """

    stack: tuple[str, ...]
    logical_id: str
    type: str
    action: str
    replacement: str = ""
    properties: tuple[str, ...] = ()
    direct: bool = False
    kept: bool = False
