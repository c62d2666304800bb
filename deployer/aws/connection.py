"""Where a run talks to: AWS, or the emulator, started with the state it kept if it was not running."""

from collections.abc import Mapping
from pathlib import Path

from config.environment import Environment
from deployer.aws import local, session
from deployer.build import checkout
from deployer.preflight import checks as preflight
from deployer.show.ui import Ui


def connect(ui: Ui, environment: Environment, options, root: Path) -> session.Aws:
    """`options` has local, local_dir, region and profile. Deploys nothing."""
    if not options.local:
        return session.connect(environment, region=options.region, profile=options.profile, warn=ui.warn)
    with ui.step("Emulator") as step:
        variables = local.start(local.state_directory(root, options.local_dir))
        step.result = variables["AWS_ENDPOINT_URL"]
    return session.connect_local(environment, variables, options.region, ui.warn)


def deployed(ui: Ui, options, root: Path) -> tuple[session.Aws, Mapping]:
    """For a command that works on what is deployed: whom to talk to, and the root stack's DescribeStacks entry.

    Raises Failure(USAGE or PREFLIGHT) for a misspelt environment or region, and where it is not deployed.
    """
    environment = checkout.environment(options.env)
    session.check_region(options.region or environment.region)
    aws = connect(ui, environment, options, root)
    with ui.waiting("CloudFormation"):
        return aws, preflight.deployed(aws, environment)
