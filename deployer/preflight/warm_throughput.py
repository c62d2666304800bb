"""Check that no warm throughput is lowered, which DynamoDB refuses."""

from collections.abc import Mapping

from deployer.errors import Exit, Failure


def check(environment: str, desired: Mapping[str, str], deployed: Mapping[str, str]) -> None:
    """Raise Failure(PREFLIGHT) if a value is lowered. To remove it is allowed: the table keeps what it has."""
    for key, parameter in (("warm_reads", "WarmReads"), ("warm_writes", "WarmWrites")):
        before, wanted = (int(parameters.get(parameter, 0)) for parameters in (deployed, desired))
        if 0 < wanted < before:
            raise Failure(
                Exit.PREFLIGHT,
                f"data.{key} = {wanted} is below the {before} deployed, and DynamoDB never lowers a warm throughput",
                f"set {before} or more in environments/{environment}.toml, or 0 to leave it to DynamoDB, which "
                "keeps it",
            )
