"""What could stand in the way, asked before anything remote is changed."""

from collections.abc import Mapping
from dataclasses import dataclass

from config import names
from config.environment import Environment
from deployer.aws import service_errors
from deployer.errors import Exit, Failure
from deployer.stacks import reading
from deployer.stacks.status import StackStatus

UNRESERVED_MINIMUM = 100
"""Lambda keeps this much concurrency for functions without a reservation."""


@dataclass(frozen=True)
class Facts:
    """What the account looks like. `stack`: the root's DescribeStacks entry, or None."""

    account: str
    caller: str
    stack: Mapping | None
    has_gateway_role: bool

    @property
    def status(self) -> StackStatus:
        return reading.status_of(self.stack)


def check(aws, environment: Environment) -> Facts:
    """Look at everything; the first obstacle is a Failure(PREFLIGHT) that says the way out.

    What state the stack is in is no obstacle yet: there may be a way out, after asking.
    """
    identity = aws.client("sts").get_caller_identity()
    check_account(environment, identity["Account"], identity["Arn"])
    stack = reading.describe(aws, names.root_stack(environment.name))
    deployed = {} if reading.status_of(stack).is_new else reading.parameters_of(stack)
    check_concurrency(aws, environment, deployed)
    return Facts(identity["Account"], identity["Arn"], stack, has_gateway_role(aws))


def deployed(aws, environment: Environment) -> Mapping:
    """The root stack's DescribeStacks entry; Failure(PREFLIGHT) when the environment is not deployed here."""
    identity = aws.client("sts").get_caller_identity()
    check_account(environment, identity["Account"], identity["Arn"])
    stack = reading.describe(aws, names.root_stack(environment.name))
    status = reading.status_of(stack)
    if status.is_new or status.must_be_deleted:
        raise Failure(
            Exit.PREFLIGHT,
            f"environment {environment.name} is not deployed in account {identity['Account']}, {aws.region}",
            "deploy it first, or check --region, --profile and --local",
        )
    return stack


def check_account(environment: Environment, account: str, caller: str) -> None:
    if environment.account not in (None, account):
        raise Failure(
            Exit.PREFLIGHT,
            f"environment {environment.name} belongs to account {environment.account}, "
            f"but these credentials are of {account} ({caller})",
            "use another --profile",
        )


def reserved_concurrency(environment: Environment) -> int:
    """The sum of the environment's reservations."""
    return sum(
        value for key, value in environment.functions.model_dump().items() if key.endswith("_reserved_concurrency")
    )


def check_concurrency(aws, environment: Environment, deployed: Mapping[str, str]) -> None:
    """Reservations must leave 100 for everybody else; a new account has 10 in all."""
    wanted = reserved_concurrency(environment)
    if not wanted:
        return
    settings = _ask(aws, lambda: aws.client("lambda").get_account_settings())
    if settings is None:
        return
    limit = settings["AccountLimit"]
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


def has_gateway_role(aws) -> bool:
    """Whether API Gateway may write logs in this account and region already."""
    account = _ask(aws, lambda: aws.client("apigateway").get_account())
    return bool((account or {}).get("cloudwatchRoleArn"))


def manage_gateway_account(facts: Facts) -> bool:
    """Whether our stack owns the account-wide role: if nobody does, or if it did before.

    Once ours it stays ours; if it flipped, the update that finds the role in place would delete it.
    """
    ours = reading.parameters_of(facts.stack).get("ManageApiGatewayAccount") == "true"
    return (ours and (facts.status.can_update or facts.status.was_left_failed)) or not facts.has_gateway_role


def _ask(aws, call):
    """The answer, or None when the emulator, and only it, does not know the question."""
    try:
        return call()
    except Exception as error:
        if aws.local and service_errors.is_not_implemented(error):
            return None
        raise
