"""The templates of an environment in this checkout, with its parameters, as a tree of stacks."""

from config.environment import Environment
from config.parameters import from_environment
from deployer.plan import templates
from deployer.plan.snapshot import Snapshot, desired
from generator.render import render

# Any names: the packages and their bucket are neither priced nor limited.
_PACKAGES = {"ArtifactBucket": "bucket", "FunctionsKey": "f.zip", "LayerKey": "l.zip"}


def tree(environment: Environment) -> Snapshot:
    """Return the stacks as the environment's first deployment creates them."""
    bundle = templates.bundle(render(), "https://bucket", "templates")
    given = from_environment(environment) | _PACKAGES
    return desired(bundle, templates.parameter_values(bundle.root, given), Snapshot())
