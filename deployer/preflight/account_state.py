"""Read the account's state and check it for obstacles, before anything remote is changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config import names, parameters
from config.environment import Environment
from deployer.aws import roles
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.preflight.concurrency import check as check_concurrency
from deployer.preflight.user_pool import check as check_user_pool
from deployer.preflight.warm_throughput import check as check_warm_throughput
from deployer.stacks import reading
from deployer.stacks.stack_status import StackStatus


@dataclass(frozen=True)
class AccountState:
    """The state of account and root stack. `stack`: the root's DescribeStacks entry; None if it does not exist."""

    account: str
    caller: str
    stack: Mapping[str, Any] | None
    has_gateway_role: bool

    @property
    def who(self) -> str:
        """Return the caller without the account: user/ops, assumed-role/Deployer/me."""
        return self.caller.rpartition(":")[2]

    @property
    def status(self) -> StackStatus:
        return reading.status_of(self.stack)


def check(aws: Aws, environment: Environment, limits: bool = True) -> AccountState:
    """Read the state; raise Failure(PREFLIGHT) for the first obstacle. `limits`: check those of the local settings.

    A stack that cannot be updated is not one yet: with consent, it may be recovered.
    """
    identity = aws.client("sts").get_caller_identity()
    check_account(environment, identity["Account"], identity["Arn"])
    check_service_role(aws, identity["Account"])
    stack = reading.describe(aws, names.root_stack(environment.name))
    if limits:
        check_limits(aws, environment.name, parameters.from_environment(environment), stack)
    return AccountState(identity["Account"], identity["Arn"], stack, _keeps_role(stack) or has_gateway_role(aws))


def check_limits(aws: Aws, environment: str, desired: Mapping[str, str], stack: Mapping[str, Any] | None) -> None:
    """Raise Failure(PREFLIGHT) if the root stack cannot have the desired parameters, or cannot after those that it has."""
    deployed = {} if reading.status_of(stack).is_new else reading.parameters_of(stack)
    check_warm_throughput(environment, desired, deployed)
    check_user_pool(environment, desired, deployed)
    check_concurrency(aws, environment, desired, deployed)


def deployed(aws: Aws, environment: Environment) -> Mapping[str, Any]:
    """Return the root stack's DescribeStacks entry. Raises Failure(PREFLIGHT) if the environment is not deployed."""
    identity = aws.client("sts").get_caller_identity()
    check_account(environment, identity["Account"], identity["Arn"])
    stack = reading.describe(aws, names.root_stack(environment.name))
    status = reading.status_of(stack)
    if stack is None or status.is_new or status.must_be_deleted:
        raise Failure(
            Exit.PREFLIGHT,
            f"environment {environment.name} is not deployed in account {identity['Account']}, {aws.region}{aws.elsewhere}",
            "deploy it first, or check --region, --profile, AWS_ENDPOINT_URL and --local",
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


def check_service_role(aws: Aws, account: str) -> None:
    """Raise Failure(PREFLIGHT) for a service role of another account: CloudFormation takes none."""
    if aws.service_role and roles.account_of(aws.service_role) != account:
        raise Failure(
            Exit.PREFLIGHT,
            f"the service role is of another account than {account}: {aws.service_role}",
            "correct role_arn in [deploy], or use another --profile",
        )


def has_gateway_role(aws: Aws) -> bool:
    """Return True if API Gateway has a role for logs in this account and region. A parameter depends on it."""
    return bool(aws.client("apigateway").get_account().get("cloudwatchRoleArn"))


def manage_gateway_account(account_state: AccountState) -> bool:
    """Return True if this stack must manage the account-wide role: it does already, or the account has none.

    A stack that created the role keeps it: otherwise the next update would find the role and delete it.
    """
    return _keeps_role(account_state.stack) or not account_state.has_gateway_role


def _keeps_role(stack: Mapping[str, Any] | None) -> bool:
    """Return True if the stack manages the account-wide role and can be deployed to: nothing else has to be asked."""
    status = reading.status_of(stack)
    manages = reading.parameters_of(stack).get("ManageApiGatewayAccount") == "true"
    return manages and (status.can_update or status.failed_without_rollback)
