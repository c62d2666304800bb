"""Trees of stacks to compare: small ones of one stack, and the real ones of an environment."""

import copy
from functools import cache

from config.environment import load
from config.parameters import from_environment
from deployer.plan import templates
from deployer.plan.snapshot import Snapshot, desired
from generator.render import render

ARTIFACTS = {"ArtifactBucket": "bucket", "FunctionsKey": "f.zip", "LayerKey": "l.zip"}


def of(resources: dict, **parameters: str) -> Snapshot:
    """One stack with these resources."""
    declared = {name: {"Type": "String"} for name in parameters}
    return Snapshot({"Parameters": declared, "Resources": resources}, parameters)


@cache
def rendered() -> dict[str, str]:
    return render()


def real(environment: str, change=None, now: Snapshot | None = None, **parameters: str) -> Snapshot:
    """What the generator makes for an environment; `change(bundle)` edits the templates first."""
    bundle = copy.deepcopy(templates.bundle(rendered(), "https://host", "bucket"))
    if change:
        change(bundle)
    given = from_environment(load(environment)) | ARTIFACTS | parameters
    return desired(bundle, templates.parameter_values(bundle.root, given), now or Snapshot())
