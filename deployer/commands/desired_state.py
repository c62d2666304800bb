"""The desired state in one account and region, and whether it is deployed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from config import names, parameters
from config.environment import Environment
from deployer.artifacts import stored_artifacts
from deployer.artifacts.packaging import Package
from deployer.aws.session import Aws
from deployer.plan import templates
from deployer.plan.templates import Bundle
from deployer.preflight import account_state as preflight
from deployer.preflight.account_state import AccountState
from deployer.stacks import reading
from deployer.stacks.deployment_records import Deployment
from deployer.stacks.rollback_triggers import UNMONITORED, Monitoring

# AUTO_EXPAND is for --rollback: earlier versions of the data stack have a transform.
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


@dataclass(frozen=True)
class DesiredState:
    """The desired state for one account and region. `tags`: of the root stack; CloudFormation propagates them.

    `monitoring`: of the deployment to come, decided after the comparison with what is deployed.
    """

    bundle: Bundle
    packages: tuple[Package, ...]
    parameters: Mapping[str, str]
    bucket: str
    tags: Mapping[str, str]
    monitoring: Monitoring = UNMONITORED

    @property
    def request(self) -> dict[str, object]:
        """The parameters of CreateChangeSet that set the root stack's state; `unchanged` compares each of them."""
        return {
            "TemplateURL": self.bundle.root_url,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()],
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
            "Capabilities": CAPABILITIES,
            "RollbackConfiguration": self.monitoring.request,
        }

    @property
    def package_keys(self) -> list[str]:
        return [self.parameters["FunctionsKey"], self.parameters["LayerKey"]]

    def objects(self) -> dict[str, bytes]:
        return {package.key: package.content for package in self.packages} | {
            key: body.encode() for key, body in self.bundle.bodies.items()
        }


def build(
    aws: Aws,
    environment: Environment,
    rendered: Mapping[str, str],
    packages: tuple[Package, ...],
    account_state: AccountState,
) -> DesiredState:
    """Return the desired state of the local version. Raises Failure(USAGE) if parameters and templates do not match."""
    bucket = names.artifact_bucket(account_state.account, aws.region)
    bundle = templates.bundle(rendered, aws.template_host(), bucket)
    functions, layer = packages
    given = parameters.from_environment(environment) | {
        "ArtifactBucket": bucket,
        "FunctionsKey": functions.key,
        "LayerKey": layer.key,
        "ManageApiGatewayAccount": "true" if preflight.manage_gateway_account(account_state) else "false",
    }
    values = templates.parameter_values(bundle.root, given)
    return DesiredState(bundle, packages, values, bucket, names.tags(environment.name))


def stored(
    aws: Aws, environment: Environment, account_state: AccountState, deployment: Deployment, hint: str
) -> DesiredState:
    """Return the desired state of a deployment's record. NoEcho parameters are not in it, but in the environment.

    Raises Failure(REFUSED) with `hint` if an artifact is missing or changed.
    """
    bundle = stored_artifacts.bundle(aws, account_state.account, deployment.root, hint)
    stored_artifacts.check_packages(aws, account_state.account, deployment.packages, hint)
    declared, configured = bundle.root.get("Parameters", {}), parameters.from_environment(environment)
    given = {name: configured[name] for name in declared if name in configured} | dict(deployment.parameters)
    values = templates.parameter_values(bundle.root, given)
    bucket = names.artifact_bucket(account_state.account, aws.region)
    return DesiredState(bundle, (), values, bucket, deployment.tags or names.tags(environment.name))


def unchanged(aws: Aws, account_state: AccountState, desired: DesiredState) -> bool:
    """Whether the stack is healthy and `desired` is deployed: reads one template, since keys of the others are hashes."""
    stack = account_state.stack
    if stack is None or not account_state.status.can_update:
        return False
    return all(_IS_DEPLOYED[part](aws, stack, desired) for part in desired.request)


def _template_is_deployed(aws: Aws, stack: Mapping[str, Any], desired: DesiredState) -> bool:
    return templates.same(reading.original_template(aws, stack["StackId"]), desired.bundle.root)


_IS_DEPLOYED: Mapping[str, Callable[[Aws, Mapping[str, Any], DesiredState], bool]] = {
    "Parameters": lambda aws, stack, desired: reading.parameters_of(stack) == dict(desired.parameters),
    "Tags": lambda aws, stack, desired: reading.tags_of(stack) == dict(desired.tags),
    "Capabilities": lambda aws, stack, desired: True,  # of one operation, not of the stack
    # Of one operation, too: each change set replaces all of it, and the first deployment, which creates the alarms, has
    # none. Another monitoring time takes effect in the next deployment.
    "RollbackConfiguration": lambda aws, stack, desired: True,
    "TemplateURL": _template_is_deployed,
}
"""For each part of `DesiredState.request`: whether the stack, a DescribeStacks entry, has it."""
