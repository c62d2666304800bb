"""What each service says of the deployed resources, against the templates; one probe for each type of resource."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from botocore.exceptions import ClientError

from config import names
from conformance.declared.comparing import Difference, differences
from conformance.declared.deployed import Client, Declared, Reader, Resources
from conformance.declared.readers import READERS, UNDECLARED
from conformance.environment import Environment
from conformance.probe import CannotTry, Differs, reads
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.plan.changes import ABSENT
from deployer.stacks import reading

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


@lru_cache(maxsize=1)
def _resources(aws: Aws, environment: str) -> Resources:
    """Read the stacks once for all probes of a run."""
    root = reading.describe(aws, names.root_stack(environment))
    if root is None:
        raise CannotTry("the platform is not deployed here")
    return Resources(aws, root, READERS)


def _found(client: Client, reader: Reader, resource: Declared) -> Iterator[Difference]:
    """Yield the differences of one resource. Raises ClientError if its service does not answer."""
    try:
        seen = reader(client, resource) if resource.id else {}
    except ClientError as error:
        if not service_errors.is_missing(error):
            raise
        seen = {}
    if not seen:
        yield Difference(("the resource",), resource.id, ABSENT)
        return
    yield from differences({**UNDECLARED.get(resource.type, {}), **resource.properties}, seen)
    if "Tags" in seen:
        yield from differences(resource.tags, _tags(seen["Tags"]), ("Tags",))


def _tags(tags: Mapping[str, str] | Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
    """Return tags by key; {} where the service knows no tags of such a resource."""
    try:
        return tags() if callable(tags) else tags
    except ClientError as error:
        if service_errors.is_missing(error) or _is_unknown_operation(error):
            return {}
        raise


def _probe(kind: str, reader: Reader) -> Callable[[Environment], None]:
    def probe(environment: Environment) -> None:
        declared = _resources(environment.account.aws, environment.settings.name).of_type(kind)
        if not declared:
            raise CannotTry(f"this environment declares no {kind}")
        if not any(each.id for each in declared):
            raise CannotTry(f"CloudFormation creates no {kind} here")
        try:
            found = [
                f"{each.path}: {difference}"
                for each in declared
                for difference in _found(environment.client, reader, each)
            ]
        except ClientError as error:
            if not _is_unknown_operation(error):
                raise
            raise CannotTry(f"{kind} has no API here: {error}") from None
        if found:
            raise Differs("each property as declared", "\n".join(found))

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


for _kind, _reader in READERS.items():
    _templates = (path.name for path in sorted(TEMPLATES.glob("*.yaml")) if f"Type: {_kind}\n" in path.read_text())
    reads(*(f"templates/{name}" for name in _templates))(_probe(_kind, _reader))
