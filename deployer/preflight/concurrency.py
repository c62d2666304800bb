"""Check that the account has the Lambda concurrency that the environment reserves."""

from collections.abc import Mapping

from deployer.aws import advice
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure

UNRESERVED_MINIMUM = 100
"""Concurrency that Lambda keeps unreserved (Lambda developer guide, "Reserved concurrency")."""


def reserved(parameters: Mapping[str, str]) -> int:
    """Return the sum of the reservations."""
    return sum(
        int(value) for key, value in parameters.items() if key.endswith("ReservedConcurrency") and value.isdigit()
    )


def check(aws: Aws, environment: str, desired: Mapping[str, str], deployed: Mapping[str, str]) -> None:
    """Raise Failure(PREFLIGHT) if the reservations leave less than 100 unreserved; a new account has 10 in all.

    Reservations in `deployed` become available again; no more than those needs no call.
    """
    wanted, ours = reserved(desired), reserved(deployed)
    if wanted <= ours:
        return
    limit = advice.ask(
        aws,
        "the account's Lambda concurrency was not checked",
        lambda: aws.client("lambda").get_account_settings()["AccountLimit"],
        None,
    )
    if limit is None:
        return
    available = limit["UnreservedConcurrentExecutions"] + ours - UNRESERVED_MINIMUM
    if wanted <= available:
        return
    raise Failure(
        Exit.PREFLIGHT,
        f"environment {environment} reserves {wanted} concurrent executions, "
        f"but this account has {max(available, 0)} available "
        f"(limit {limit['ConcurrentExecutions']}, of which {UNRESERVED_MINIMUM} must stay unreserved)",
        f'request a higher Lambda quota "Concurrent executions" in Service Quotas (new accounts start with 10), or set '
        f"functions.command_reserved_concurrency = 0 in environments/{environment}.toml",
    )
