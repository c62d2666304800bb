"""Lambda's concurrency: what the environment reserves, and what the account has to give."""

from collections.abc import Mapping

from config.environment import Environment
from deployer.aws import advice
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure

UNRESERVED_MINIMUM = 100
"""Lambda keeps this much for functions without a reservation (Lambda developer guide, "Reserved concurrency")."""


def reserved(environment: Environment) -> int:
    """The sum of the environment's reservations."""
    return sum(
        value for key, value in environment.functions.model_dump().items() if key.endswith("_reserved_concurrency")
    )


def check(aws: Aws, environment: Environment, deployed: Mapping[str, str]) -> None:
    """Reservations must leave 100 for everybody else; a new account has 10 in all.

    `deployed`: the root stack's parameters, whose reservations are free to be used again.
    """
    wanted = reserved(environment)
    if not wanted:
        return
    limit = advice.ask(
        aws,
        "whether the account has the concurrency that is reserved was not checked",
        lambda: aws.client("lambda").get_account_settings()["AccountLimit"],
        None,
    )
    if limit is None:
        return
    ours = sum(int(value) for key, value in deployed.items() if key.endswith("ReservedConcurrency") and value.isdigit())
    available = limit["UnreservedConcurrentExecutions"] + ours - UNRESERVED_MINIMUM
    if wanted <= available:
        return
    raise Failure(
        Exit.PREFLIGHT,
        f"environment {environment.name} reserves {wanted} concurrent executions, but this account can give {max(available, 0)} "
        f"(limit {limit['ConcurrentExecutions']}, of which {UNRESERVED_MINIMUM} must stay unreserved)",
        f'ask for a higher Lambda quota "Concurrent executions" in Service Quotas (new accounts start with 10), or set '
        f"functions.command_reserved_concurrency = 0 in environments/{environment.name}.toml",
    )
