"""Read CloudFormation's YAML (or JSON) into plain dicts, short-form intrinsics included."""

import yaml

_Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """Dates stay strings: `Version: 2012-10-17` is no date to CloudFormation."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in _Base.yaml_implicit_resolvers.items()
    }


def _intrinsic(loader, suffix: str, node):
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


def load(text: str) -> dict:
    """Raises yaml.YAMLError when `text` is neither YAML nor JSON, ValueError when it is no mapping."""
    document = yaml.load(text, Loader=_Loader)  # noqa: S506 - derived from the safe loader
    if not isinstance(document, dict):
        raise ValueError("a template is a mapping")
    return document
