"""Connect to AWS or to the emulator, and read the environment's stack."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from config import names
from config.environment import ConfigError, Environment, available, load
from deployer.aws import local, session
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.preflight import account_state
from deployer.preflight.account_state import AccountState
from deployer.show.ui import Ui


def load_environment(options: Options) -> Environment:
    """Return the environment's settings.

    Raises Failure(USAGE) with the file, the key and the remedy, (PREFLIGHT) for a misspelt region.
    """
    try:
        environment = load(options.env, like=options.like)
    except ConfigError as error:
        raise Failure(Exit.USAGE, str(error)) from None
    session.check_region(options.region or environment.region, profile=options.profile, local=options.local)
    return environment


def load_home(options: Options) -> Environment:
    """Return an environment that has the Region and the role of a command that names none.

    It is that of --like or --env, else any that a preview can be like. Raises Failure(USAGE) if those differ.
    """
    named = options.like or (options.env if options.env in available() else None)
    loaded = [load_environment(replace(options, env=name, like=None)) for name in ([named] if named else available())]
    chosen = [each for each in loaded if each.data.retention == "Delete"] or loaded
    places = {(options.region or each.region, each.deploy.assume_role) for each in chosen}
    if len(places) != 1:
        raise Failure(
            Exit.USAGE,
            f"the environments {', '.join(each.name for each in chosen)} have different Regions or roles",
            "name one: --like NAME",
        )
    return chosen[0]


def connect(ui: Ui, environment: Environment, options: Options, root: Path) -> Aws:
    """Return a session; start the emulator, with the state it kept, if --local asks for it and it is not running."""
    if not options.local:
        return session.connect(environment, region=options.region, profile=options.profile, warn=ui.warn)
    with ui.step("Emulator") as step:
        variables = local.start(local.state_directory(root, options.local_dir))
        step.result = variables["AWS_ENDPOINT_URL"]
    return session.connect_local(environment, variables, options.region, ui.warn)


def check_account(ui: Ui, aws: Aws, environment: Environment, limits: bool = True) -> AccountState:
    """Run the preflight checks of account and environment as one step on screen. `limits`: as in `account_state.check`."""
    with ui.step("Preflight") as step:
        state = account_state.check(aws, environment, limits)
        step.result = (
            f"{state.who}, account {state.account}, {aws.region}{aws.elsewhere}, "
            f"stack {names.root_stack(environment.name)}: {state.status}"
        )
    for line in mixed_endpoints(aws):
        ui.warn(line)
    return state


def mixed_endpoints(aws: Aws) -> Iterator[str]:
    """Yield a line for each service that is at AWS while CloudFormation is not, or the reverse."""
    for service in ("s3", "sts", "lambda", "apigateway"):
        found = aws.endpoint_of(service)
        if bool(found) is not bool(aws.endpoint_url):
            yield (
                f"{service} is at {found or 'AWS'}, but cloudformation at {aws.endpoint_url or 'AWS'}; "
                "check the AWS_ENDPOINT_URL variables"
            )


def deployed(ui: Ui, options: Options, root: Path) -> tuple[Aws, Mapping[str, Any]]:
    """Connect, and return the root stack's DescribeStacks entry as well.

    Raises Failure(USAGE or PREFLIGHT) for a misspelt environment or region, or if it is not deployed.
    """
    environment = load_environment(options)
    aws = connect(ui, environment, options, root)
    with ui.waiting("CloudFormation"):
        return aws, account_state.deployed(aws, environment)
