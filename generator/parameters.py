"""Template parameters: those of settings, derived from `config.environment`, and those that are no settings."""

from troposphere import Parameter, Template

from config.environment import Environment
from config.parameters import Setting, settings, text
from generator import outputs


def definition(setting: Setting) -> dict:
    """A setting as the properties of an AWS::CloudFormation parameter."""
    schema, parameter = setting.schema, setting.parameter
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


def _in_template_order(definitions: dict[str, dict]) -> dict[str, dict]:
    """Settings in the order of definition, but for one whose place in root.yaml is older than the sections."""
    names = [name for name in definitions if name != "CommandReservedConcurrency"]
    names.insert(names.index("WorkerBatchSize"), "CommandReservedConcurrency")
    return {name: definitions[name] for name in names}


def _package(description: str) -> dict:
    return {
        "Type": "String",
        "Description": description,
        "AllowedPattern": r"^[\w./-]+\.zip$",
        "ConstraintDescription": "the S3 key of a .zip file",
    }


SETTINGS = _in_template_order(
    {each.parameter.name: definition(each) for each in settings(Environment) if each.parameter}
)

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

_OF_ROOT = SETTINGS | BY_DEPLOYER
_OF_SIBLINGS = {
    name: {"Type": "String", "Description": description} for name, description in outputs.descriptions().items()
}


def declare_all(template: Template) -> None:
    """Declare the root's parameters."""
    for name, properties in _OF_ROOT.items():
        template.add_parameter(Parameter(name, **properties))


def declare(template: Template, *names: str) -> None:
    """Declare a child's parameters, which are the root's or a sibling's outputs, without defaults.

    Raises KeyError for a name that is neither.
    """
    for name in names:
        properties = _OF_ROOT.get(name) or _OF_SIBLINGS[name]
        without_default = {key: value for key, value in properties.items() if key != "Default"}
        template.add_parameter(Parameter(name, **without_default))
