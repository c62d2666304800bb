"""The resources of a tree of stacks with everything known put into their properties. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from deployer.plan.resolve import Scope
from deployer.plan.snapshot import STACK, Snapshot


@dataclass(frozen=True)
class Resource:
    """`properties`: strings where a value is known; expressions and Unknowns stay what they are."""

    stack: tuple[str, ...]
    logical_id: str
    type: str
    properties: Mapping

    @property
    def path(self) -> str:
        return "/".join((*self.stack, self.logical_id))


def of_tree(tree: Snapshot, stack: tuple[str, ...] = ()) -> dict[str, Resource]:
    """Path -> resource, nested stacks and their contents included, what is switched off left out."""
    scope = Scope(tree.template, tree.parameters)
    found: dict[str, Resource] = {}
    for logical_id, definition in scope.resources().items():
        properties = scope.resolve(definition.get("Properties", {}))
        resource = Resource(stack, logical_id, definition.get("Type", ""), properties)
        found[resource.path] = resource
        if resource.type == STACK and logical_id in tree.children:
            found |= of_tree(tree.children[logical_id], (*stack, logical_id))
    return found


def added(now: Mapping[str, Resource], then: Mapping[str, Resource]) -> list[Resource]:
    """What `then` has under a path where `now` has nothing of that type."""
    return [each for path, each in then.items() if path not in now or now[path].type != each.type]
