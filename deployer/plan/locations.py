"""Locate a resource: its line in the rendered template, and the generator's function that defines it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import yaml

from deployer.plan import cfn_yaml

_Composer = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Location:
    """`template`: relative path, such as templates/data.yaml. `origin`: file, line and function, or ""."""

    template: str
    line: int
    origin: str = ""

    def __str__(self) -> str:
        return f"{self.template}:{self.line}"


def line_of(root: yaml.Node | None, logical_id: str, path: str = "") -> int | None:
    """Return the line, from 1, of a resource's property or its deepest known parent; None for an unknown resource.

    `root`: of yaml.compose. `path`: relative to Properties, such as KeySchema/0/KeyType. Names are compared without
    case, because services write keySchema where templates have KeySchema.
    """
    found = _step(root, "Resources")[1]
    key, node = _step(found, logical_id)
    if key is None:
        return None
    line = key.start_mark.line + 1
    for part in ["Properties", *filter(None, path.split("/"))] if path else []:
        key, node = _step(node, part)
        if key is None:
            break
        line = key.start_mark.line + 1 if part != "Properties" else line
    return line


def _step(node: yaml.Node | None, part: str) -> tuple[yaml.Node | None, yaml.Node | None]:
    """Return the key (or the list item itself) and the value of `part`; (None, None) if it does not exist."""
    if isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
        return node.value[int(part)], node.value[int(part)]
    if isinstance(node, yaml.MappingNode):
        for exact in (True, False):
            for key, value in node.value:
                if key.value == part or (not exact and str(key.value).lower() == part.lower()):
                    return key, value
    return None, None


class Sources:
    """The local templates by stack, parsed only when needed."""

    def __init__(self, rendered: Mapping[str, str]):
        self._rendered = rendered
        self._parsed = cache(lambda name: cfn_yaml.load(rendered[name]))
        self._node = cache(lambda name: yaml.compose(rendered[name], Loader=_Composer))

    def template(self, stack: str) -> str | None:
        """Return the name of a stack's template. `stack`: path such as DataStack, "" for the root."""
        return self._names.get(stack)

    def properties(self, stack: str, logical_id: str) -> Mapping[str, Any]:
        """Return the resource's properties in the template; {} if the local version does not have it."""
        name = self.template(stack)
        resource = self._parsed(name).get("Resources", {}).get(logical_id) if name else None
        return (resource or {}).get("Properties", {})

    def find(self, stack: str, logical_id: str, path: str = "") -> Location | None:
        """Return the location; None if the local version does not have the resource."""
        name = self.template(stack)
        if name is None:
            return None
        line = line_of(self._node(name), logical_id, path)
        if line is None:
            return None
        origin = self._origins.get((name, logical_id))
        return Location(f"templates/{name}.yaml", line, str(origin) if origin else "")

    @cached_property
    def _names(self) -> dict[str, str]:
        resources = self._parsed("root").get("Resources", {})
        urls = {stack: str(resource.get("Properties", {}).get("TemplateURL")) for stack, resource in resources.items()}
        names = {stack: url.removeprefix("./").removesuffix(".yaml") for stack, url in urls.items()}
        return {"": "root", **{stack: name for stack, name in names.items() if name in self._rendered}}

    @cached_property
    def _origins(self) -> Mapping[tuple[str, str], Any]:
        from generator.origins import origins

        return origins()
