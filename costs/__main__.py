"""Print the rows of docs/cost.md's table of levers: `python -m costs`."""

from config import environment
from config.parameters import from_environment
from costs import levers
from deployer.plan import templates
from deployer.plan.snapshot import Snapshot, desired
from generator.render import render

# Of packages and packages' bucket: they cost nothing.
NAMES = {"ArtifactBucket": "bucket", "FunctionsKey": "f.zip", "LayerKey": "l.zip"}


def tree(name: str) -> Snapshot:
    """Return an environment as its first deployment makes it."""
    bundle = templates.bundle(render(), "https://host", "bucket")
    given = from_environment(environment.load(name)) | NAMES
    return desired(bundle, templates.parameter_values(bundle.root, given), Snapshot())


def main() -> None:
    dev, prod = (levers.saved(tree(name)) for name in ("dev", "prod"))
    for lever in dev:
        print(f"| {lever} | {dev[lever]:.2f} | {prod[lever]:.2f} |")


if __name__ == "__main__":
    main()
