"""Check that no warm throughput is lowered, which DynamoDB refuses."""

from collections.abc import Mapping

from config.environment import Environment
from deployer.errors import Exit, Failure


def check(environment: Environment, deployed: Mapping[str, str]) -> None:
    """Raise Failure(PREFLIGHT) if a value is lowered. To remove it is allowed: the table keeps what it has.

    `deployed`: the root stack's parameters.
    """
    for key, parameter in (("warm_reads", "WarmReads"), ("warm_writes", "WarmWrites")):
        before, wanted = int(deployed.get(parameter, 0)), getattr(environment.data, key)
        if 0 < wanted < before:
            raise Failure(
                Exit.PREFLIGHT,
                f"data.{key} = {wanted} is below the {before} deployed, and DynamoDB never lowers a warm throughput",
                f"set {before} or more in environments/{environment.name}.toml, or 0 to leave it to DynamoDB, which "
                "keeps it",
            )
