"""What deleting a tree of stacks takes with it, and what it leaves standing. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deployer.plan.resolve import Scope
from deployer.plan.snapshot import STACK, Snapshot

_KEEPING = ("Retain", "RetainExceptOnCreate")


@dataclass(frozen=True)
class Fate:
    """One resource that exists. `stack`: logical ids of the nested stacks that lead to it, () for the root."""

    stack: tuple[str, ...]
    logical_id: str
    type: str
    physical_id: str
    kept: bool

    @property
    def path(self) -> str:
        return "/".join((*self.stack, self.logical_id))


def of_tree(
    tree: Snapshot,
    existing: Mapping[tuple[str, ...], Iterable[Mapping]],
    stack: tuple[str, ...] = (),
    kept: bool = False,
) -> list[Fate]:
    """`existing`: the ListStackResources summaries of each stack of the tree; `kept`: the whole tree is.

    What an earlier deletion skipped stays whatever the template says now, and what the template no longer
    knows goes: CloudFormation holds it only because an earlier clean-up failed.
    """
    scope = Scope(tree.template, tree.parameters)
    fates = []
    for summary in existing.get(stack, ()):
        logical_id = summary["LogicalResourceId"]
        definition = tree.template.get("Resources", {}).get(logical_id, {})
        stays = (
            kept
            or summary["ResourceStatus"] == "DELETE_SKIPPED"
            or scope.resolve(definition.get("DeletionPolicy")) in _KEEPING
        )
        if summary["ResourceType"] == STACK:
            child = tree.children.get(logical_id, Snapshot())
            fates += of_tree(child, existing, (*stack, logical_id), stays)
        else:
            fates.append(Fate(stack, logical_id, summary["ResourceType"], summary["PhysicalResourceId"], stays))
    return fates
