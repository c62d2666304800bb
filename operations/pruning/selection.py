"""Choose what no kept version needs. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from deployer.artifacts.bucket import SPARED
from deployer.stacks.deployment_records import Deployment
from operations.pruning.functions import FunctionVersion
from operations.pruning.needs import keys_in
from operations.pruning.stored import Artifact


@dataclass(frozen=True)
class Selection:
    """What is to be removed. `lost`: records, newest first, of versions that --rollback can then no longer deploy."""

    artifacts: tuple[Artifact, ...] = ()
    functions: tuple[FunctionVersion, ...] = ()
    lost: tuple[Deployment, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.artifacts or self.functions)

    def also_in(self, other: "Selection") -> "Selection":
        """Return what `other`, read later, still selects: keys and function versions, as read later."""
        keys = {each.key for each in self.artifacts}
        functions = {(each.function, each.version) for each in self.functions}
        return Selection(
            tuple(each for each in other.artifacts if each.key in keys),
            tuple(each for each in other.functions if (each.function, each.version) in functions),
            other.lost,
        )


def kept(deployments: Iterable[Deployment], number: int) -> list[Deployment]:
    """Return the newest record of each of the last `number` versions of each environment. `deployments`: newest first."""
    found: dict[str, dict[str, Deployment]] = {}
    for each in deployments:
        if each.rolled_back_by:
            continue
        versions = found.setdefault(each.environment, {})
        if len(versions) < number:
            versions.setdefault(each.version, each)
    return [each for versions in found.values() for each in versions.values()]


def select(
    artifacts: Iterable[Artifact],
    functions: Iterable[FunctionVersion],
    deployments: Sequence[Deployment],
    needed: set[str],
    now: datetime,
) -> Selection:
    """Select what is not in `needed` and old enough. A function version whose description names no package stays."""
    unneeded = [each for each in artifacts if each.key not in needed and now - each.written > SPARED]
    unused = [
        each
        for each in functions
        if not each.in_use and now - each.written > SPARED and keys_in(each.description) - needed
    ]
    keys = {each.key for each in unneeded}
    lost = {(each.environment, each.version): each for each in reversed(deployments) if keys.intersection(each.objects)}
    return Selection(
        # Root templates first: a version that is removed in part is not one to return to.
        tuple(sorted(unneeded, key=lambda each: each.key.startswith("packages/"))),
        tuple(unused),
        tuple(reversed(lost.values())),
    )
