"""The templates of an environment in this checkout, with its parameters, as a tree of stacks."""

from collections.abc import Mapping
from functools import cache

from config.environment import Environment
from config.parameters import from_environment
from deployer.plan import templates
from deployer.plan.snapshot import Snapshot, desired
from generator.render import render

# Any names: the packages and their bucket are neither priced nor limited.
_PACKAGES = {"ArtifactBucket": "bucket", "FunctionsKey": "f.zip", "LayerKey": "l.zip"}


def tree(environment: Environment) -> Snapshot:
    """Return the stacks as the environment's first deployment creates them."""
    return with_parameters(from_environment(environment))


def with_parameters(values: Mapping[str, str]) -> Snapshot:
    """Return the stacks that these values of the root's parameters make; others have their defaults."""
    bundle = _bundle()
    known = {name: value for name, value in values.items() if name in bundle.root["Parameters"]}
    return desired(bundle, templates.parameter_values(bundle.root, _PACKAGES | known), Snapshot())


@cache
def _bundle() -> templates.Bundle:
    return templates.bundle(render(), "https://bucket", "templates")
