"""Template parameters: those of settings, derived from `config.environment`, and those that are no settings."""

import re
from typing import Any

from troposphere import Parameter, Template

from config.environment import Environment
from config.parameters import Parameter as Marker
from config.parameters import Setting, settings, text
from generator import outputs


def definition(setting: Setting, parameter: Marker) -> dict:
    """A setting as the properties of an AWS::CloudFormation parameter."""
    schema = setting.schema
    numeric = schema["type"] in ("integer", "number")
    boolean = schema["type"] == "boolean"
    properties = {
        "Type": "Number" if numeric else "String",
        "Description": setting.description,
        "AllowedPattern": parameter.pattern or schema.get("pattern"),
        "ConstraintDescription": parameter.constraint or None,
        "MaxLength": parameter.max_length,
        "MinValue": schema.get("minimum"),
        "MaxValue": schema.get("maximum"),
        "AllowedValues": ["true", "false"] if boolean else schema.get("enum"),
        "Default": text(schema["default"]) if boolean else schema.get("default"),
    }
    return {name: value for name, value in properties.items() if value is not None}


def _package(description: str) -> dict:
    return {
        "Type": "String",
        "Description": description,
        "AllowedPattern": r"^[\w./-]+\.zip$",
        "ConstraintDescription": "the S3 key of a .zip file",
    }


SETTINGS = {each.parameter.name: definition(each, each.parameter) for each in settings(Environment) if each.parameter}

# Parameter of a long setting -> that of its hash.
HASH_NAMES = {
    each.parameter.name: each.parameter.hash_name
    for each in settings(Environment)
    if each.parameter and each.parameter.hashed
}
_HASHES = {
    hash_name: {
        "Type": "String",
        "Description": f"Hash of {name}",
        "AllowedPattern": "^[0-9a-f]{12}$",
        "ConstraintDescription": "12 hexadecimal digits",
    }
    for name, hash_name in HASH_NAMES.items()
}

# Set by the deployer: where the packages are, and what the account lacks.
BY_DEPLOYER = {
    "ArtifactBucket": {
        "Type": "String",
        "Description": "Bucket of the packages",
        "AllowedPattern": r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        "ConstraintDescription": "the name of an S3 bucket",
    },
    "FunctionsKey": _package("S3 key of the package of the functions"),
    "LayerKey": _package("S3 key of the package of third-party libraries"),
    "ManageApiGatewayAccount": {
        "Type": "String",
        "Description": "Whether to give API Gateway its CloudWatch role, one per account and region: true only where it "
        "is missing",
        "AllowedValues": ["true", "false"],
        "Default": "false",
    },
}

_PLACEHOLDER = re.compile(r"\$\{(\w+)[\w.]*\}")

OF_ROOT = SETTINGS | _HASHES | BY_DEPLOYER
_OF_SIBLINGS = {
    name: {"Type": "String", "Description": description} for name, description in outputs.descriptions().items()
}


def declare_all(template: Template) -> None:
    """Declare the root's parameters."""
    for name, properties in OF_ROOT.items():
        template.add_parameter(Parameter(name, **properties))


def declare_used(template: Template) -> None:
    """Declare the parameters that a child refers to: an environment's, or a sibling's outputs, without defaults.

    Raises KeyError for a name that nothing supplies.
    """
    used = references(template.to_dict()) - {*template.resources, *template.conditions}
    if unknown := used - {*OF_ROOT, *_OF_SIBLINGS}:
        raise KeyError(f"no parameter, output or resource is called {', '.join(sorted(unknown))}")
    for name, properties in (_OF_SIBLINGS | OF_ROOT).items():
        if name in used:
            without_default = {key: value for key, value in properties.items() if key != "Default"}
            template.add_parameter(Parameter(name, **without_default))


def references(node: Any) -> set[str]:
    """Names in Ref, Fn::GetAtt, conditions and the text of Fn::Sub; no pseudo parameters."""
    match node:
        case {"Ref": str(name)}:
            return set() if "::" in name else {name}
        case {"Fn::GetAtt": [str(name), *_]}:
            return {name}
        case {"Fn::If": [str(name), *branches]}:
            return {name} | references(branches)
        case {"Condition": str(name), **rest}:
            return {name} | references(rest)
        case {"Fn::Sub": str(text)}:
            return {*_PLACEHOLDER.findall(text)}
        case {"Fn::Sub": [str(text), dict(variables)]}:
            return references({"Fn::Sub": text}) - {*variables} | references([*variables.values()])
        case dict():
            return references([*node.values()])
        case list():
            return set().union(*map(references, node))
    return set()
