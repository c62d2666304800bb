"""The resources that the deployed stacks declare, with every reference replaced by its value in the account."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from conformance.account import Account
from deployer.plan.changes import Unknown
from deployer.plan.resolve import PLACEHOLDER, Scope
from deployer.stacks import reading, tree
from deployer.stacks.tree import Stack

Client = Callable[[Any], Any]
"""Returns the client of a service."""


@dataclass(frozen=True)
class Declared:
    """A resource of a deployed template. `path`: logical ids from the root. `id`: the physical id, "" for none.

    `tags`: the root stack's, and its own stack's, which CloudFormation gives to each resource that takes tags.
    """

    path: str
    type: str
    id: str
    properties: Mapping[str, Any]
    tags: Mapping[str, str]
    siblings: Callable[[str, str], list[Any]]
    """Returns the values of one property of all resources of a type in the same stack."""

    def asked(self, *names: str) -> dict[str, Any]:
        """Return the properties that identify the resource: the service has answered for them."""
        return {name: self.properties[name] for name in names if name in self.properties}


def by_key(listed: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return tags by key."""
    return {each["Key"]: each["Value"] for each in listed}


def tags(operation: Callable[..., Any], part: str, **where: Any) -> Callable[[], dict[str, str]]:
    """Return a function that reads tags with a call of its own, whose failure says nothing of the properties."""

    def read() -> dict[str, str]:
        found = operation(**where).get(part, {})
        return found if isinstance(found, dict) else by_key(found)

    return read


Reader = Callable[[Client, Declared], Mapping[str, Any]]
"""Returns what a service says of a resource: properties, and attributes of Fn::GetAtt; {} if it does not exist.

`Tags`, if it takes tags: by key, or a function of `tags`.
"""


class _Values(dict[str, object]):
    """A stack's values by the names that Ref, Fn::Sub and Fn::GetAtt use; `Table.Arn` is read when it is needed."""

    def __init__(self, known: Mapping[str, object], attribute: Callable[[str, str], object]):
        super().__init__(known)
        self._attribute = attribute

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and self._is_attribute(name))

    def __missing__(self, name: str) -> object:
        value = self._attribute(*name.split(".", 1))
        self[name] = value
        return value

    def _is_attribute(self, name: str) -> bool:
        return super().__contains__(name.partition(".")[0]) and "." in name


class _Live(Scope):
    """A deployed stack, whose references all have values."""

    def resolve(self, node: Any) -> Any:
        if isinstance(node, dict) and node.keys() == {"Fn::GetAtt"}:
            return self.parameters[".".join(node["Fn::GetAtt"])]
        resolved = super().resolve(node)
        match resolved:
            case {"Fn::Sub": str(text)} if not PLACEHOLDER.search(text):
                return text.replace("${!", "${")  # a variable of IAM, which Fn::Sub has escaped
        return resolved


class Resources:
    """The declared resources of one environment. `readers` also find the attributes that templates refer to."""

    def __init__(self, account: Account, root: Mapping[str, Any], readers: Mapping[str, Reader]):
        self._aws, self._client, self._readers = account.aws, account.client, readers
        self._stacks = tree.read(account.aws, root)
        self._scopes: dict[str, _Live] = {}

    def of_type(self, kind: str) -> list[Declared]:
        """Return the resources of a type whose condition is true; `id` is "" where CloudFormation made none."""
        return [
            self._declared(stack, logical_id, definition)
            for stack in self._stacks
            for logical_id, definition in self._scope(stack).resources().items()
            if definition["Type"] == kind
        ]

    def _scope(self, stack: Stack) -> _Live:
        if stack.id not in self._scopes:
            self._scopes[stack.id] = self._read(stack)
        return self._scopes[stack.id]

    def _read(self, stack: Stack) -> _Live:
        template = reading.template(self._aws, stack.id)
        known = {
            **_pseudo_parameters(stack.entry),
            **reading.parameters_of(stack.entry),
            **{name: each["PhysicalResourceId"] for name, each in stack.resources.items()},
        }
        return _Live(template, _Values(known, lambda name, attribute: self._attribute(stack, name, attribute)))

    def _declared(self, stack: Stack, logical_id: str, definition: Mapping[str, Any]) -> Declared:
        return Declared(
            f"{stack.path}/{logical_id}" if stack.path else logical_id,
            definition["Type"],
            stack.resources.get(logical_id, {}).get("PhysicalResourceId", ""),
            self._scope(stack).resolve(definition.get("Properties", {})),
            {**reading.tags_of(self._stacks[0].entry), **reading.tags_of(stack.entry)},
            lambda kind, name: [
                self._scope(stack).resolve(each["Properties"].get(name))
                for each in self._scope(stack).resources().values()
                if each["Type"] == kind
            ],
        )

    def _attribute(self, stack: Stack, logical_id: str, attribute: str) -> object:
        definition = self._scope(stack).resources()[logical_id]
        reader = self._readers[definition["Type"]]
        try:
            seen = reader(self._client, self._declared(stack, logical_id, definition))
        except ClientError:
            seen = {}  # the probe of its own type says why
        return seen.get(attribute, Unknown(f"{logical_id}.{attribute}"))


def _pseudo_parameters(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return the pseudo parameters of a stack, from its ARN."""
    _, partition, _, region, account, _ = entry["StackId"].split(":", 5)
    return {
        "AWS::AccountId": account,
        "AWS::Partition": partition,
        "AWS::Region": region,
        "AWS::StackId": entry["StackId"],
        "AWS::StackName": entry["StackName"],
    }
