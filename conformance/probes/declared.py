"""What each service says of the deployed resources, against the templates; one probe for each type of resource."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from botocore.exceptions import ClientError

from config import names
from conformance.declared.comparing import Difference, differences
from conformance.declared.deployed import Declared, Reader, Resources
from conformance.declared.readers import READERS
from conformance.environment import Environment
from conformance.probe import CannotTry, Differs, reads
from deployer.stacks import reading

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


@lru_cache(maxsize=1)
def _resources(environment: Environment) -> Resources:
    """Read the stacks once for all probes of a run."""
    aws = environment.account.aws
    root = reading.describe(aws, names.root_stack(environment.settings.name))
    if root is None:
        raise CannotTry("the platform is not deployed here")
    return Resources(aws, root, READERS)


def _found(environment: Environment, reader: Reader, resource: Declared) -> Iterator[Difference]:
    try:
        seen = reader(environment.client, resource)
    except ClientError as error:
        yield Difference((), "a resource", f"{error.operation_name}: {error.response['Error']['Code']}")
        return
    yield from differences(resource.properties, seen)
    if "Tags" in seen:
        yield from differences(resource.tags, seen["Tags"], ("Tags",))


def _probe(kind: str, reader: Reader) -> Callable[[Environment], None]:
    def probe(environment: Environment) -> None:
        declared = _resources(environment).of_type(kind)
        if not declared:
            raise CannotTry(f"the environment has no {kind}")
        found = [f"{each.path}: {difference}" for each in declared for difference in _found(environment, reader, each)]
        if found:
            raise Differs("each property as declared", "\n".join(found))

    words = kind.removeprefix("AWS::").replace("::", "_")
    probe.__name__ = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", words).lower() + "_is_as_declared"
    probe.__doc__ = f"Each {kind} has its declared properties, by its service's own answer."
    probe.__module__ = __name__
    return probe


for _kind, _reader in READERS.items():
    _templates = (path.name for path in sorted(TEMPLATES.glob("*.yaml")) if f"Type: {_kind}\n" in path.read_text())
    reads(*(f"templates/{name}" for name in _templates))(_probe(_kind, _reader))
