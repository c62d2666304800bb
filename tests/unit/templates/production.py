"""Looking at production: every template as prod's parameters make it, and what becomes of it if a care is taken away.

Resources are named by stack and logical id, such as data.OrdersTable.
"""

import copy

from tests.unit.templates.given import parameters
from tests.unit.templates.support import CHILDREN, everywhere, existing

Resources = dict[str, dict]


def resources_of(templates: dict[str, dict], environment: str = "prod") -> Resources:
    return {
        f"{child}.{title}": each
        for child in CHILDREN
        for title, each in existing(templates[child], parameters(environment)).items()
    }


def changed(resources: Resources, title: str, *path, **to) -> Resources:
    """With one value changed, or, without a value, removed: changed(prod, "data.OrdersTable", "Properties", ..., to=1)."""
    found = copy.deepcopy(resources)
    node, last = found, title
    for step in path:
        node, last = node[last], step
    if to:
        node[last] = to["to"]
    else:
        del node[last]
    return found


def of(resources: Resources, *kinds: str) -> Resources:
    return {title: each for title, each in resources.items() if each["Type"].removeprefix("AWS::") in kinds}


def lacking(resources: Resources, *kinds: str, that) -> set[str]:
    """Those of some kinds for whose properties something does not hold. There must be some."""
    found = of(resources, *kinds)
    assert found
    return {title for title, each in found.items() if not that(each["Properties"])}


def statements(resource: dict) -> list[dict]:
    return [
        statement
        for path, value in everywhere(resource)
        if path and path[-1] == "Statement" and isinstance(value, list)
        for statement in value
    ]
