"""The values of a plan: changes of resources and differences of their definitions. Pure data."""

import json
import re
from dataclasses import dataclass
from enum import Enum

_PLAIN_KEY = re.compile(r"[\w:$-]+")


class Action(Enum):
    """What happens to one resource, from the least to the most destructive."""

    ADD = "add"
    MODIFY = "modify"
    MAY_REPLACE = "may replace"
    REPLACE = "replace"
    REMOVE = "remove"


class Replaces(Enum):
    """Whether CloudFormation replaces the resource because of a difference."""

    NO = "none"
    POSSIBLY = "possible"
    CERTAINLY = "certain"


class _Absent(Enum):
    ABSENT = "absent"

    def __bool__(self) -> bool:
        return False


ABSENT = _Absent.ABSENT
"""The side of a difference that does not exist."""


@dataclass(frozen=True)
class Unknown:
    """A value that is known only after the deployment."""

    expression: str = ""


@dataclass(frozen=True)
class Hidden:
    """A value that must not be shown, from a NoEcho parameter."""


@dataclass(frozen=True)
class Item:
    """An element of a list. `index`: its old one, if any. `key`, `identity`: the property that identifies it."""

    index: int
    key: str = ""
    identity: str = ""


class Inside(Enum):
    """A step into a value with structure: JSON in a string, an Fn::Sub's text or names, the order of a list."""

    JSON = "json"
    TEXT = "text"
    NAMES = "names"
    ORDER = "order"


Steps = tuple[str | Item | Inside, ...]


@dataclass(frozen=True)
class Difference:
    """One difference in a resource's definition.

    `before`, `after`: JSON values, possibly with Unknown, Hidden and unresolved expressions, or ABSENT.
    `attribute`: Properties, or another attribute of the resource (DependsOn, Metadata).
    """

    steps: Steps
    before: object
    after: object
    replaces: Replaces = Replaces.NO
    attribute: str = "Properties"

    @property
    def path(self) -> str:
        """Return the path for display: `PolicyDocument.Statement[Sid=Orders].Action[+]`."""
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
        """Return the property or attribute that differs."""
        return next((step for step in self.steps if isinstance(step, str)), "") if self._in_property else self.attribute

    @property
    def _in_property(self) -> bool:
        return self.attribute == "Properties"

    def _item(self, item: Item) -> str:
        if item.key:
            return f"{item.key}={item.identity}"
        is_last = item is self.steps[-1]
        return (
            "+" if is_last and self.before is ABSENT else "-" if is_last and self.after is ABSENT else str(item.index)
        )


@dataclass(frozen=True)
class Change:
    """The change of one resource. `stack`: logical ids of the nested stacks that lead to it, () for the root.

    `retained`: DeletionPolicy or UpdateReplacePolicy retains the old resource, or a snapshot of it.
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
        """Return the names of the properties and attributes that differ."""
        return tuple(dict.fromkeys(difference.name for difference in self.differences))

    @property
    def metadata_only(self) -> bool:
        """Return True if only metadata differ: CloudFormation lists a modification, but does not touch the resource."""
        return bool(self.differences) and all(difference.attribute == "Metadata" for difference in self.differences)


@dataclass(frozen=True)
class Plan:
    """`changes`: sorted by stack. `phantoms`: number of further resources that CloudFormation lists as modified only
    because a value that they refer to may change."""

    changes: tuple[Change, ...]
    phantoms: int = 0

    def count(self, action: Action) -> int:
        return sum(change.action is action for change in self.changes)


@dataclass(frozen=True)
class Detail:
    """A ResourceChangeDetail of DescribeChangeSet.

    `path`: /Properties/Environment/Variables/LEVEL. `before`, `after`: None if CloudFormation does not return them.
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
    """A ResourceChange of DescribeChangeSet: what CloudFormation lists for one resource.

    `action`: Add, Modify, Remove, Import or Dynamic; `replacement`: True, Conditional, False or "".
    """

    stack: tuple[str, ...]
    logical_id: str
    type: str
    action: str
    replacement: str = ""
    details: tuple[Detail, ...] = ()
    retained: bool = False
