"""What could stand in the way, asked before anything remote is changed."""

from collections.abc import Mapping
from dataclasses import dataclass

from config import names
from config.environment import Environment
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.preflight.concurrency import check as check_concurrency
from deployer.stacks import reading
from deployer.stacks.stack_status import StackStatus


@dataclass(frozen=True)
class AccountState:
    """What the account looks like. `stack`: the root's DescribeStacks entry, or None."""

    account: str
    caller: str
    stack: Mapping | None
    has_gateway_role: bool

    @property
    def who(self) -> str:
        """The caller without the account: user/ops, assumed-role/Deployer/me."""
        return self.caller.rpartition(":")[2]

    @property
    def status(self) -> StackStatus:
        return reading.status_of(self.stack)


def check(aws: Aws, environment: Environment) -> AccountState:
    """Look at everything; the first obstacle is a Failure(PREFLIGHT) that says the way out.

    What state the stack is in is no obstacle yet: there may be a way out, after asking.
    """
    identity = aws.client("sts").get_caller_identity()
    check_account(environment, identity["Account"], identity["Arn"])
    stack = reading.describe(aws, names.root_stack(environment.name))
    deployed = {} if reading.status_of(stack).is_new else reading.parameters_of(stack)
    check_concurrency(aws, environment, deployed)
    return AccountState(identity["Account"], identity["Arn"], stack, has_gateway_role(aws))


def deployed(aws: Aws, environment: Environment) -> Mapping:
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


def has_gateway_role(aws: Aws) -> bool:
    """Whether API Gateway may write logs in this account and region already. No guess: it decides a parameter."""
    return bool(aws.client("apigateway").get_account().get("cloudwatchRoleArn"))


def manage_gateway_account(account_state: AccountState) -> bool:
    """Whether our stack owns the account-wide role: if nobody does, or if it did before.

    Once ours it stays ours; if it flipped, the update that finds the role in place would delete it.
    """
    ours = reading.parameters_of(account_state.stack).get("ManageApiGatewayAccount") == "true"
    return (
        ours and (account_state.status.can_update or account_state.status.failed_without_rollback)
    ) or not account_state.has_gateway_role
