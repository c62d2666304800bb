"""What this checkout wants for one account and region, and whether that is what is deployed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from config import names, parameters
from config.environment import Environment
from deployer.artifacts.packaging import Package
from deployer.aws.session import Aws
from deployer.plan import templates
from deployer.plan.templates import Bundle
from deployer.preflight import account_state as preflight
from deployer.preflight.account_state import AccountState
from deployer.stacks import reading

# The last is for --rollback: earlier versions of the data stack have a transform.
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


@dataclass(frozen=True)
class Built:
    """What this checkout wants, complete for one account and region."""

    bundle: Bundle
    packages: tuple[Package, ...]
    parameters: Mapping[str, str]
    bucket: str

    @property
    def tags(self) -> dict[str, str]:
        """Of the root stack, and by it of everything in it."""
        return {"Project": names.PROJECT, "Environment": self.parameters["Environment"]}

    @property
    def request(self) -> dict[str, object]:
        """All that a deployment sets on the root stack, as CreateChangeSet takes it; `unchanged` compares all of it."""
        return {
            "TemplateURL": self.bundle.root_url,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()],
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
            "Capabilities": CAPABILITIES,
        }

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
) -> Built:
    """The desired state; nothing is sent. Raises Failure(USAGE) when templates and configuration do not fit."""
    bucket = names.artifact_bucket(account_state.account, aws.region)
    bundle = templates.bundle(rendered, aws.template_host(), bucket)
    functions, layer = packages
    given = parameters.from_environment(environment) | {
        "ArtifactBucket": bucket,
        "FunctionsKey": functions.key,
        "LayerKey": layer.key,
        "ManageApiGatewayAccount": "true" if preflight.manage_gateway_account(account_state) else "false",
    }
    return Built(bundle, packages, templates.parameter_values(bundle.root, given), bucket)


def unchanged(aws: Aws, account_state: AccountState, built: Built) -> bool:
    """Whether the stack is healthy and is what `built` says: one read, and everything else by content address."""
    return account_state.status.can_update and all(
        _IS_DEPLOYED[part](aws, account_state.stack, built) for part in built.request
    )


def _template_is(aws: Aws, stack: Mapping, built: Built) -> bool:
    return templates.same(reading.original_template(aws, stack["StackId"]), built.bundle.root)


_IS_DEPLOYED: Mapping[str, Callable[[object, Mapping, Built], bool]] = {
    "Parameters": lambda aws, stack, built: reading.parameters_of(stack) == dict(built.parameters),
    "Tags": lambda aws, stack, built: reading.tags_of(stack) == built.tags,
    "Capabilities": lambda aws, stack, built: True,  # an agreement to one operation, which the stack does not keep
    "TemplateURL": _template_is,
}
"""Of each part of `Built.request`, whether the stack, a DescribeStacks entry, has it already."""
