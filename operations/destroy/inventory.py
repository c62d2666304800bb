"""What belongs to an environment in one account and region: in its stack, outside it, and shared with others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config import names
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.stacks import deployment_records, outputs, reading
from deployer.stacks.stack_status import StackStatus
from operations.destroy import resources
from operations.destroy.resources import BUCKET, DataResource, Resource
from operations.partners import keys
from operations.partners.keys import Key

ROLE, API = "AWS::IAM::Role", "AWS::ApiGateway::RestApi"
_UNKNOWN = "others that these credentials cannot list"


@dataclass(frozen=True)
class Inventory:
    """`stack`: the root's DescribeStacks entry, or None. `resources`: of the stack. `data`: the data resources of the
    stack, and those that earlier stacks retained. `unchecked`: what could not be read, and why. `records`: number of
    records of deployments and of a preview. `artifacts`: the shared bucket, or None. `others`: environments that share it.
    `gateway_role`: name of the platform's role that API Gateway logs with, or "". `partner_keys`: API keys of partners,
    which are in no stack."""

    environment: str
    account: str
    stack: Mapping[str, Any] | None
    resources: tuple[Resource, ...]
    data: tuple[DataResource, ...]
    unchecked: tuple[str, ...]
    has_flags: bool
    records: int
    artifacts: DataResource | None
    others: frozenset[str]
    gateway_role: str
    partner_keys: tuple[Key, ...] = ()

    @property
    def status(self) -> StackStatus:
        return reading.status_of(self.stack)

    @property
    def deleted_data(self) -> list[DataResource]:
        """What the stack's deletion deletes."""
        return [each for each in self.data if not each.resource.retained]

    @property
    def retained_data(self) -> list[DataResource]:
        return [each for each in self.data if each.resource.retained]

    @property
    def log_roles(self) -> list[str]:
        """The platform's role that API Gateway logs with, and earlier ones that this stack retains."""
        retained = {each.physical_id for each in self.resources if each.type == ROLE and each.retained}
        return sorted(retained | ({self.gateway_role} - {""}))

    @property
    def has_shared(self) -> bool:
        return bool(self.artifacts or self.log_roles)

    @property
    def apis(self) -> set[str]:
        """Ids of the REST APIs; the outputs also name one that an unfinished deletion has deleted."""
        return {*self.physical_ids(API), *filter(None, [outputs.of_stack(self.stack or {}).get("ApiId")])}

    def physical_ids(self, kind: str) -> list[str]:
        return [each.physical_id for each in self.resources if each.type == kind]


def take(aws: Aws, environment: str, account: str) -> Inventory:
    """Read everything; write nothing. Missing account-wide read permissions do not block the destroy."""
    stack = reading.describe(aws, names.root_stack(environment))
    found = resources.of_stack(aws, stack) if stack else []
    tagged: list[Resource] = []
    others, unchecked = frozenset({_UNKNOWN}), []
    try:
        tagged = resources.tagged(aws, environment)
    except Exception as error:
        unchecked.append(f"data that earlier deployments of this environment retained: {_denied(error)}")
    try:
        others = frozenset(reading.roots(aws).keys() - {environment})
    except Exception as error:
        unchecked.append(f"other environments, so shared resources are kept: {_denied(error)}")
    partner_keys: list[Key] = []
    try:
        partner_keys = keys.of_environment(aws, environment)
    except Exception as error:
        unchecked.append(f"API keys of partners: {_denied(error)}")
    bucket = Resource((), "artifacts", BUCKET, names.artifact_bucket(account, aws.region), retained=True)
    known = {each.physical_id for each in found}
    outside = [each for each in tagged if each.physical_id not in known]
    return Inventory(
        environment,
        account,
        stack,
        tuple(found),
        tuple(resources.with_data(aws, [*found, *outside])),
        tuple(unchecked),
        _has_flags(aws, environment),
        len(deployment_records.keys(aws, account, environment)),
        next(iter(resources.with_data(aws, [bucket])), None),
        others,
        _gateway_role(aws),
        tuple(partner_keys),
    )


def _denied(error: Exception) -> str:
    """Return the missing permission; raise again any other error."""
    if not service_errors.is_denied(error):
        raise error
    return f"missing permission {service_errors.denied_action(error)}"


def _has_flags(aws: Aws, environment: str) -> bool:
    name = names.parameter_path(environment, "feature-flags")
    return bool(aws.client("ssm").get_parameters(Names=[name])["Parameters"])


def _gateway_role(aws: Aws) -> str:
    """Return the platform's role, whose name begins with that of the stack that made it."""
    role = aws.client("apigateway").get_account().get("cloudwatchRoleArn", "").rpartition("/")[2]
    return role if role.startswith(names.root_stack("")) else ""
