"""The values that planning speaks in. Pure data."""

import json
import re
from dataclasses import dataclass
from enum import Enum

_PLAIN_KEY = re.compile(r"[\w:$-]+")


class Action(Enum):
    """What happens to one resource, from harmless to final."""

    ADD = "add"
    MODIFY = "modify"
    MAY_REPLACE = "may replace"
    REPLACE = "replace"
    REMOVE = "remove"


class Replaces(Enum):
    """Whether a difference makes CloudFormation put a new resource in place of the old one."""

    NO = "none"
    POSSIBLY = "possible"
    CERTAINLY = "certain"


class _Absent(Enum):
    ABSENT = "absent"

    def __bool__(self) -> bool:
        return False


ABSENT = _Absent.ABSENT
"""The side of a difference on which there is nothing."""


@dataclass(frozen=True)
class Unknown:
    """A value that only the deployment will tell."""

    expression: str = ""


@dataclass(frozen=True)
class Hidden:
    """A value that must not be shown: it comes from a NoEcho parameter."""


@dataclass(frozen=True)
class Item:
    """An element of a list: its place before (after, for one that is added) and, where it has one, its identity."""

    index: int
    key: str = ""
    identity: str = ""


class Inside(Enum):
    """A step into a value that is itself made of parts: JSON in a string, an Fn::Sub's text or its names."""

    JSON = "json"
    TEXT = "text"
    NAMES = "names"
    ORDER = "order"


Steps = tuple[str | Item | Inside, ...]


@dataclass(frozen=True)
class Difference:
    """One place at which a resource's definition differs.

    `before`, `after`: JSON values in which Unknown, Hidden and symbolic expressions may occur; ABSENT
    where there is nothing. `attribute`: Properties, or what else the resource has (DependsOn, Metadata).
    """

    steps: Steps
    before: object
    after: object
    replaces: Replaces = Replaces.NO
    attribute: str = "Properties"

    @property
    def path(self) -> str:
        """As a person would write it: `PolicyDocument.Statement[Sid=Orders].Action[+]`."""
        text = ""
        for step in self.steps if self.attribute == "Properties" else (self.attribute, *self.steps):
            if isinstance(step, Item):
                text += f"[{self._item(step)}]"
            elif step is Inside.ORDER:
                text += "[order]"
            elif isinstance(step, str):
                plain = _PLAIN_KEY.fullmatch(step)
                text += f"{'.' if text else ''}{step}" if plain else f"[{json.dumps(step)}]"
        return text

    @property
    def name(self) -> str:
        """The property or attribute that it is in."""
        return next((step for step in self.steps if isinstance(step, str)), "") if self._in_property else self.attribute

    @property
    def _in_property(self) -> bool:
        return self.attribute == "Properties"

    def _item(self, item: Item) -> str:
        if item.key:
            return f"{item.key}={item.identity}"
        whole = item is self.steps[-1]
        return "+" if whole and self.before is ABSENT else "-" if whole and self.after is ABSENT else str(item.index)


@dataclass(frozen=True)
class Change:
    """One resource. `stack`: logical ids of the nested stacks that lead to it, () for the root.

    `kept`: a policy keeps the old resource's data when it goes.
    """

    stack: tuple[str, ...]
    logical_id: str
    type: str
    action: Action
    differences: tuple[Difference, ...] = ()
    retained: bool = False

    @property
    def path(self) -> str:
        return "/".join((*self.stack, self.logical_id))

    @property
    def properties(self) -> tuple[str, ...]:
        """Names of the properties and attributes that differ, each once."""
        return tuple(dict.fromkeys(difference.name for difference in self.differences))

    @property
    def metadata_only(self) -> bool:
        """Nothing but metadata: CloudFormation calls it a modification, and does nothing to the resource."""
        return bool(self.differences) and all(difference.attribute == "Metadata" for difference in self.differences)


@dataclass(frozen=True)
class Plan:
    """`changes`: sorted by stack. `phantoms`: how many more CloudFormation calls modified, only because
    something that they refer to may change."""

    changes: tuple[Change, ...]
    phantoms: int = 0

    def count(self, action: Action) -> int:
        return sum(change.action is action for change in self.changes)


@dataclass(frozen=True)
class Detail:
    """One line of a change set's answer about a resource, as DescribeChangeSet gives it.

    `path`: /Properties/Environment/Variables/LEVEL. `before`, `after`: text, None where the service told none.
    `recreation`: Always, Conditionally, Never or "". `direct`: not only because of a reference.
    """

    attribute: str
    name: str = ""
    path: str = ""
    before: str | None = None
    after: str | None = None
    recreation: str = ""
    direct: bool = False


@dataclass(frozen=True)
class Verdict:
    """What a change set says will happen to one resource.

    `action`: Add, Modify, Remove, Import or Dynamic; `replacement`: True, Conditional, False or "".
    """

    stack: tuple[str, ...]
    logical_id: str
    type: str
    action: str
    replacement: str = ""
    details: tuple[Detail, ...] = ()
    retained: bool = False
