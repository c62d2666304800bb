"""What this checkout wants for one account and region, and whether that is what is deployed."""

from collections.abc import Mapping
from dataclasses import dataclass

from config import names, parameters
from config.environment import Environment
from deployer.build import templates
from deployer.build.packaging import Package
from deployer.build.templates import Bundle
from deployer.preflight import checks as preflight
from deployer.preflight.checks import Facts
from deployer.stacks import reading


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

    def objects(self) -> dict[str, bytes]:
        return {package.key: package.content for package in self.packages} | {
            key: body.encode() for key, body in self.bundle.bodies.items()
        }


def build(
    aws, environment: Environment, rendered: Mapping[str, str], packages: tuple[Package, ...], facts: Facts
) -> Built:
    """The desired state; nothing is sent. Raises Failure(USAGE) when templates and configuration do not fit."""
    bucket = names.artifact_bucket(facts.account, aws.region)
    bundle = templates.bundle(rendered, aws.template_host(), bucket)
    functions, layer = packages
    given = parameters.from_environment(environment) | {
        "ArtifactBucket": bucket,
        "FunctionsKey": functions.key,
        "LayerKey": layer.key,
        "ManageApiGatewayAccount": "true" if preflight.manage_gateway_account(facts) else "false",
    }
    return Built(bundle, packages, templates.parameter_values(bundle.root, given), bucket)


def unchanged(aws, facts: Facts, built: Built) -> bool:
    """Whether the stack is healthy and is what `built` says: one read, and everything else by content address."""
    if not facts.status.can_update or reading.parameters_of(facts.stack) != dict(built.parameters):
        return False
    return templates.same(reading.original_template(aws, facts.stack["StackId"]), built.bundle.root)
