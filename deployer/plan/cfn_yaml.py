"""Read CloudFormation's YAML (or JSON) into plain dicts, short-form intrinsics included."""

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from yaml import SafeLoader as _Base
else:
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """Reads dates as strings, as CloudFormation does: `Version: 2012-10-17`."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in _Base.yaml_implicit_resolvers.items()
    }


def _intrinsic(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            return {name: value.split(".", 1)}
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


_Loader.add_multi_constructor("!", _intrinsic)


def load(text: str) -> dict[str, Any]:
    """Parse a template. Raises yaml.YAMLError if `text` is neither YAML nor JSON, ValueError if it is not a mapping."""
    document = yaml.load(text, Loader=_Loader)  # noqa: S506 - derived from the safe loader
    if not isinstance(document, dict):
        raise ValueError("a template must be a mapping")
    return document
