"""Everything of an environment in one account and region: in its stack, beside it, and shared with others."""

from collections.abc import Mapping
from dataclasses import dataclass

from config import names
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.commands.destroy import stack_deletion, stored_data
from deployer.commands.destroy.deletion_outcomes import Fate
from deployer.commands.destroy.stored_data import BUCKET, Holding
from deployer.stacks import deployment_records, outputs, reading
from deployer.stacks.stack_status import StackStatus

ROLE, API = "AWS::IAM::Role", "AWS::ApiGateway::RestApi"
_UNSEEN = "others that cannot be seen"


@dataclass(frozen=True)
class Inventory:
    """`stack`: the root's DescribeStacks entry, or None. `holdings`: of the stack, and outside of any.
    `untold`: what could not be looked for, and why. `artifacts`: the shared bucket, or None. `others`: environments
    that share it. `gateway_role`: name of our role that API Gateway logs with, or "". `log_roles`: that one, and
    such that this stack made and API Gateway no longer uses."""

    environment: str
    account: str
    stack: Mapping | None
    fates: tuple[Fate, ...]
    stored: tuple[Holding, ...]
    untold: tuple[str, ...]
    has_flags: bool
    records: int
    artifacts: Holding | None
    others: frozenset[str]
    gateway_role: str

    @property
    def status(self) -> StackStatus:
        return reading.status_of(self.stack)

    @property
    def dying(self) -> list[Holding]:
        """What the stack's deletion takes with it."""
        return [holding for holding in self.stored if not holding.fate.kept]

    @property
    def staying(self) -> list[Holding]:
        return [holding for holding in self.stored if holding.fate.kept]

    @property
    def log_roles(self) -> list[str]:
        made = {fate.physical_id for fate in self.fates if fate.type == ROLE and fate.kept}
        return sorted(made | ({self.gateway_role} - {""}))

    @property
    def has_shared(self) -> bool:
        return bool(self.artifacts or self.log_roles)

    @property
    def apis(self) -> set[str]:
        """Also one that an unfinished deletion took already: the root's outputs still name it."""
        return {*self.physical_ids(API), *filter(None, [outputs.of_stack(self.stack or {}).get("ApiId")])}

    def physical_ids(self, kind: str) -> list[str]:
        return [fate.physical_id for fate in self.fates if fate.type == kind]


def take(aws: Aws, environment: str, account: str) -> Inventory:
    """Only reads. Who may not see the whole account is not kept from destroying what he may."""
    stack = reading.describe(aws, names.root_stack(environment))
    fates = stack_deletion.read(aws, stack) if stack else []
    known = {fate.physical_id for fate in fates}
    tagged, others, untold = [], frozenset({_UNSEEN}), []
    try:
        tagged = stored_data.tagged(aws, environment)
    except Exception as error:
        untold.append(f"what earlier deployments of this environment left behind: {_denied(error)}")
    try:
        others = frozenset(stack_deletion.environments(aws) - {environment})
    except Exception as error:
        untold.append(f"other environments, so what they may share is kept: {_denied(error)}")
    bucket = Fate((), "artifacts", BUCKET, names.artifact_bucket(account, aws.region), kept=True)
    outside = [fate for fate in tagged if fate.physical_id not in known]
    return Inventory(
        environment,
        account,
        stack,
        tuple(fates),
        tuple(stored_data.read(aws, [*fates, *outside])),
        tuple(untold),
        _has_flags(aws, environment),
        len(deployment_records.entries(aws, account, environment)),
        next(iter(stored_data.read(aws, [bucket])), None),
        others,
        _gateway_role(aws),
    )


def _denied(error: Exception) -> str:
    """The right that is missing; raises again whatever else it is."""
    if not service_errors.is_denied(error):
        raise error
    return f"no {service_errors.denied_action(error)}"


def _has_flags(aws: Aws, environment: str) -> bool:
    wanted = names.parameter_path(environment, "feature-flags")
    return bool(aws.client("ssm").get_parameters(Names=[wanted])["Parameters"])


def _gateway_role(aws: Aws) -> str:
    """Ours begins with the name of the stack that made it."""
    role = aws.client("apigateway").get_account().get("cloudwatchRoleArn", "").rpartition("/")[2]
    return role if role.startswith(names.root_stack("")) else ""
