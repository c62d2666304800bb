"""What each service says of the deployed resources, against the templates: one probe for each type, one for tags."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from config import names
from conformance.account import Account
from conformance.declared.comparing import Difference, differences
from conformance.declared.deployed import Client, Declared, Resources
from conformance.declared.readers import NOT_COMPARED, READERS, UNDECLARED
from conformance.environment import Environment
from conformance.probe import CannotTry, Differs, reads
from deployer.aws import service_errors
from deployer.plan.changes import ABSENT
from deployer.stacks import reading

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


@lru_cache(maxsize=1)
def _resources(account: Account, environment: str) -> Resources:
    """Read the stacks once for all probes of a run."""
    root = reading.describe(account.aws, names.root_stack(environment))
    if root is None:
        raise CannotTry("the platform is not deployed here")
    return Resources(account, root, READERS)


def _seen(client: Client, resource: Declared) -> Mapping[str, Any]:
    """Return what the resource's service says; {} if it does not exist. Raises ClientError if it does not answer."""
    try:
        return READERS[resource.type](client, resource) if resource.id else {}
    except ClientError as error:
        if service_errors.is_missing(error):
            return {}
        raise


def _properties(client: Client, resource: Declared) -> Iterator[Difference]:
    seen = _seen(client, resource)
    if seen:
        found = differences({**UNDECLARED.get(resource.type, {}), **resource.properties}, seen)
        ignored = NOT_COMPARED.get(resource.type, {}).keys()
        yield from (each for each in found if not ignored & set(each.path))
    else:
        yield Difference(("the resource",), resource.id, ABSENT)


def _refuse(expected: str, found: Iterable[tuple[Declared, Difference]]) -> None:
    """Raise Differs with each difference once, and the resources that have it; nothing for none."""
    by_text: dict[str, list[str]] = {}
    for resource, difference in found:
        by_text.setdefault(str(difference), []).append(resource.path)
    if by_text:
        raise Differs(expected, "\n".join(f"{text}, of {', '.join(paths)}" for text, paths in by_text.items()))


def _probe(kind: str) -> Callable[[Environment], None]:
    def probe(environment: Environment) -> None:
        declared = _resources(environment.account.run, environment.settings.name).of_type(kind)
        if not declared:
            raise CannotTry(f"this environment declares no {kind}")
        if not any(each.id for each in declared):
            raise CannotTry(f"CloudFormation creates no {kind} here")
        try:
            found = [(each, difference) for each in declared for difference in _properties(environment.client, each)]
        except ClientError as error:
            if not _is_unknown_operation(error):
                raise
            raise CannotTry(f"{kind} has no API here: {error}") from None
        _refuse("each property as declared", found)

    _, service, name = kind.split("::")
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    probe.__name__ = f"{service}_{words}_is_as_declared".lower()
    probe.__doc__ = f"Each {kind} has its declared properties, by its service's own answer."
    probe.__module__ = __name__
    return probe


def _is_unknown_operation(error: ClientError) -> bool:
    """Return True for an emulator that does not know the operation: some have no error code of AWS for that."""
    unknown = "unknown action" in service_errors.message_of(error).lower()
    return unknown or service_errors.code_of(error).isdigit() or service_errors.is_not_implemented(error)


for _kind in READERS:
    _templates = (path.name for path in sorted(TEMPLATES.glob("*.yaml")) if f"Type: {_kind}\n" in path.read_text())
    reads(*(f"templates/{name}" for name in _templates))(_probe(_kind))


@reads("config/names.py", "deployer/commands/desired_state.py")
def stack_tags_reach_each_resource(environment: Environment) -> None:
    """CloudFormation gives the root stack's tags to each resource, in nested stacks too, whose type takes tags."""
    resources = _resources(environment.account.run, environment.settings.name)
    found = [each for kind in READERS for each in _untagged(environment.client, resources.of_type(kind))]
    _refuse("the root stack's tags on each resource that takes tags", found)


def _untagged(client: Client, declared: Iterable[Declared]) -> Iterator[tuple[Declared, Difference]]:
    """Yield the missing tags of the resources of one type. What has no API here is the matter of its own probe."""
    for resource in declared:
        try:
            tags = _seen(client, resource).get("Tags")
            if tags is None:  # the type takes none
                return
            found = list(differences(resource.tags, tags() if callable(tags) else tags, ("Tags",)))
        except ClientError as error:
            if _is_unknown_operation(error):
                continue
            if not service_errors.is_missing(error):
                raise
            found = [Difference(("Tags",), resource.tags, ABSENT)]
        yield from ((resource, each) for each in found)
