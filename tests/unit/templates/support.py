"""Reading templates: find resources, walk values, and evaluate intrinsics for given parameters."""

import re

from config import environment
from config.parameters import from_environment
from generator.parameters import BY_DEPLOYER

CHILDREN = ("data", "compute", "api", "monitoring")
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "stack",
}
NO_VALUE = object()


def of_type(template: dict, *types: str) -> dict[str, dict]:
    """Logical id -> resource, of the given types (with or without `AWS::`)."""
    wanted = {kind if kind.startswith("AWS::") else f"AWS::{kind}" for kind in types}
    return {title: each for title, each in template["Resources"].items() if each["Type"] in wanted}


def everywhere(node, path=()):
    """Every (path, value) in a tree, the tree itself included."""
    yield path, node
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from everywhere(value, (*path, key))


def names_used(node) -> set[str]:
    """What a tree refers to, by Ref, GetAtt or Sub."""
    found = set()
    for _, value in everywhere(node):
        if not isinstance(value, dict) or len(value) != 1:
            continue
        if isinstance(value.get("Ref"), str):
            found.add(value["Ref"])
        if "Fn::GetAtt" in value:
            found.add(value["Fn::GetAtt"][0])
        if isinstance(value.get("Fn::Sub"), str):
            found |= {name.split(".")[0] for name in re.findall(r"\$\{([\w:.]+)\}", value["Fn::Sub"])}
        if isinstance(value.get("Fn::Sub"), list):
            text, variables = value["Fn::Sub"]
            found |= {name.split(".")[0] for name in re.findall(r"\$\{([\w:.]+)\}", text)} - set(variables)
    return {name for name in found if not name.startswith("AWS::")}


def root_parameters(name: str, **changes: str) -> dict[str, str]:
    """What the deployer passes for an environment."""
    by_deployer = {each: definition.get("Default", "packages/x.zip") for each, definition in BY_DEPLOYER.items()}
    return {**from_environment(environment.load(name)), **by_deployer, "ArtifactBucket": "bucket", **changes}


def existing(template: dict, parameters: dict[str, str]) -> dict[str, dict]:
    """Logical id -> resource, those whose condition holds, with their intrinsics resolved."""
    return {
        title: evaluate(template, each, parameters)
        for title, each in template["Resources"].items()
        if "Condition" not in each or evaluate(template, {"Fn::If": [each["Condition"], True, False]}, parameters)
    }


def evaluate(template: dict, node, parameters: dict[str, str]):
    """`node` as CloudFormation would resolve it; a resource's Ref becomes its logical id."""

    def truth(condition) -> bool:
        if isinstance(condition, str):
            condition = template["Conditions"][condition]
        (name, value), *_ = condition.items()
        if name == "Condition":
            return truth(value)
        if name == "Fn::Not":
            return not truth(value[0])
        if name == "Fn::And":
            return all(map(truth, value))
        left, right = (resolve(side) for side in value)
        return str(left) == str(right)

    def named(name: str):
        if name == "AWS::NoValue":
            return NO_VALUE
        return {**PSEUDO, **parameters}.get(name, name)

    def resolve(value):
        if isinstance(value, list):
            return [item for item in map(resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, inner), *_ = value.items()
            if name == "Ref":
                return named(inner)
            if name == "Fn::GetAtt":
                return ".".join(inner)
            if name == "Fn::Sub":
                text, variables = inner if isinstance(inner, list) else (inner, {})
                given = {key: resolve(item) for key, item in variables.items()}
                filled = re.sub(r"\$\{([\w:.]+)\}", lambda match: str(given.get(match[1], named(match[1]))), text)
                return filled.replace("${!", "${")
            if name == "Fn::Join":
                return inner[0].join(resolve(inner[1]))
            if name == "Fn::If":
                return resolve(inner[1] if truth(inner[0]) else inner[2])
            if name == "Fn::Split":
                return resolve(inner[1]).split(inner[0])
            if name == "Fn::FindInMap":
                mapping, first, second = (resolve(each) for each in inner)
                return template["Mappings"][mapping][first][second]
            if name == "Fn::Select":
                return resolve(inner[1])[int(inner[0])]
        resolved = {key: resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    return resolve(node)
