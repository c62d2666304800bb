"""The rendered templates as an environment has them: values in place of parameters, ARNs in place of references. Pure."""

from collections.abc import Mapping
from typing import Any

from config.parameters import text
from deployer.plan.resolve import PLACEHOLDER, Scope

STACK = "AWS::CloudFormation::Stack"
PARTITION, REGION, ACCOUNT = "aws", "us-east-1", "123456789012"
PSEUDO_PARAMETERS = {
    "AWS::Partition": PARTITION,
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "food-delivery",
}
PREFIX = f"arn:{PARTITION}"
HERE = f"{REGION}:{ACCOUNT}"

# Type -> attribute -> value, as the service forms it; "Ref" is what a Ref returns where it is no name.
ARNS = {
    "AWS::DynamoDB::Table": {
        "Arn": f"{PREFIX}:dynamodb:{HERE}:table/{{name}}",
        "StreamArn": f"{PREFIX}:dynamodb:{HERE}:table/{{name}}/stream/2026-01-01T00:00:00.000",
    },
    "AWS::Events::Rule": {"Arn": f"{PREFIX}:events:{HERE}:rule/{{name}}"},
    "AWS::IAM::Role": {"Arn": f"{PREFIX}:iam::{ACCOUNT}:role/{{name}}"},
    "AWS::Lambda::Alias": {"Ref": f"{PREFIX}:lambda:{HERE}:function:{{name}}"},
    "AWS::Lambda::Function": {"Arn": f"{PREFIX}:lambda:{HERE}:function:{{name}}"},
    "AWS::Logs::LogGroup": {"Arn": f"{PREFIX}:logs:{HERE}:log-group:{{name}}:*"},
    "AWS::S3::Bucket": {"Arn": f"{PREFIX}:s3:::{{lower}}"},
    "AWS::SNS::Topic": {"Ref": f"{PREFIX}:sns:{HERE}:{{name}}"},
    "AWS::SQS::Queue": {"Arn": f"{PREFIX}:sqs:{HERE}:{{name}}"},
}


def resolve(templates: Mapping[str, Mapping[str, Any]], parameters: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return name -> template without parameters, intrinsic functions and outputs: `root`, and the stacks nested in it.

    Resources whose condition is false are there, too. A nested stack gets the outputs of those before it.
    """
    root = Stack(templates["root"], parameters)
    nested = {}
    for logical_id, definition in templates["root"]["Resources"].items():
        if definition["Type"] == STACK:
            properties = root.value(definition["Properties"])
            name = properties["TemplateURL"].removeprefix("./").removesuffix(".yaml")
            passed = {key: text(value) for key, value in properties["Parameters"].items()}
            stack = Stack(templates[name], passed)
            nested[name] = stack.resolved()
            root.outputs |= {f"{logical_id}.Outputs.{key}": value for key, value in stack.values_of_outputs().items()}
    return {"root": root.resolved(), **nested}


class Stack(Scope):
    """One stack. `outputs`: attribute of a nested stack -> value."""

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, Any]):
        self.template = template
        self.outputs: dict[str, Any] = {}
        defaults = {name: each["Default"] for name, each in template["Parameters"].items() if "Default" in each}
        super().__init__(template, {**PSEUDO_PARAMETERS, **defaults, **parameters})
        self._as_text = Scope(template, self.parameters)

    def condition(self, name: str) -> bool | None:
        """Evaluate a condition, which compares texts."""
        return self._as_text.condition(name)

    def resolve(self, node: Any) -> Any:
        """Resolve as Scope does, and a parameter to the number or boolean that CloudFormation makes of it."""
        value = super().resolve(node)
        return _typed(value) if isinstance(node, dict) and node.keys() == {"Ref"} and isinstance(value, str) else value

    def resolved(self) -> dict[str, Any]:
        resources = {
            logical_id: {**definition, "Properties": self.value(definition.get("Properties", {}))}
            for logical_id, definition in self.template["Resources"].items()
        }
        return {"Resources": resources}

    def values_of_outputs(self) -> dict[str, Any]:
        return {name: self.value(each["Value"]) for name, each in self.template["Outputs"].items()}

    def value(self, node: Any) -> Any:
        """Return `node` with all intrinsic functions replaced by values."""
        return self._concrete(self.resolve(node))

    def _concrete(self, node: Any) -> Any:
        match node:
            case {"Ref": name}:
                return self._attribute(name, "Ref")
            case {"Fn::GetAtt": [name, attribute]}:
                return self._attribute(name, attribute)
            case {"Fn::Sub": str(sentence)}:
                return PLACEHOLDER.sub(lambda match: str(self._attribute(*_reference(match[1]))), sentence)
            case dict():
                return {key: self._concrete(value) for key, value in node.items()}
            case list():
                return [self._concrete(item) for item in node]
        return node

    def _attribute(self, logical_id: str, attribute: str) -> Any:
        if (output := f"{logical_id}.{attribute}") in self.outputs:
            return self.outputs[output]
        return arn(self.template["Resources"][logical_id]["Type"], attribute, logical_id)


def arn(kind: str, attribute: str, name: str) -> str:
    """Return the ARN that Fn::GetAtt or Ref gives for a resource of this type; its name, if it gives no ARN."""
    return ARNS.get(kind, {}).get(attribute, "{name}").format(name=name, lower=name.lower())


def _typed(value: str) -> str | int | bool:
    if value in ("true", "false"):
        return value == "true"
    return int(value) if value.isdecimal() and len(value) < len(ACCOUNT) else value


def _reference(name: str) -> tuple[str, str]:
    logical_id, _, attribute = name.partition(".")
    return logical_id, attribute or "Ref"
