"""`--rollback [VERSION]`: deploy an earlier version, with the steps of every deployment.

Templates and packages have content-addressed keys and stay until --prune deletes them. A rollback does not change data,
feature flags and other values that operators set in Parameter Store.
"""

from dataclasses import replace
from pathlib import Path

from config.environment import Environment
from deployer import connection
from deployer.aws.session import Aws
from deployer.commands import deploy, desired_state, plan_file, recover, show_outputs, side_effects
from deployer.commands.context import Context
from deployer.commands.desired_state import DesiredState
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.plan import shifting
from deployer.preflight import account_state as preflight
from deployer.preflight.account_state import AccountState
from deployer.show import outputs_file
from deployer.show.ui import Ui
from deployer.stacks import deployment_records, function_code
from deployer.stacks.deployment_records import Deployment

_ALTERNATIVE = "choose a version that --prune did not remove (--history), or check out its commit and deploy that"


def run(options: Options, ui: Ui, root: Path) -> dict:
    """`options.version`: the version to deploy; None is the one before the current.

    Raises Failure(USAGE) for an unknown version, (REFUSED) if a part of it no longer exists.
    """
    outputs_file.check(options.outputs_file)
    plan_file.check(options.save)
    environment = connection.load_environment(options)
    aws = connection.connect(ui, environment, options, root)
    with side_effects.reported(aws):
        return _roll_back(options, ui, aws, environment)


def _roll_back(options: Options, ui: Ui, aws: Aws, environment: Environment) -> dict:
    account_state = connection.check_account(ui, aws, environment, limits=False)  # local settings are not deployed
    context = Context(ui, aws, environment, options, account_state.caller)
    account_state = recover.ensure_deployable(context, account_state)
    stack = account_state.stack
    if stack is None or account_state.status.is_new:
        raise Failure(
            Exit.PREFLIGHT,
            f"environment {options.env} is not deployed, so there is nothing to roll back",
            f"deploy it: {options.at_the_same_place().command_line()}",
        )
    with ui.step("Version") as step:
        current = deployment_records.deployed_version(aws, stack)
        deployment = _chosen(aws, account_state, options, current)
        commit = f", commit {deployment.commit[:8]}" if deployment.commit else ""
        step.result = f"{deployment.version} of {deployment.when}{commit}"
    if deployment.version == current and not function_code.swapped(aws, stack):
        ui.line("Nothing to change: this version is deployed.")
        return {
            "result": "unchanged",
            "version": current,
            "outputs": show_outputs.show(ui, aws, stack, options.outputs_file),
        }
    desired = _desired(aws, environment, account_state, deployment)
    preflight.check_limits(aws, environment.name, desired.parameters, stack)
    ui.line("  Data and feature flags do not change. The next deployment of the local version undoes this rollback.")
    source = replace(deployment.source, kind=deployment_records.ROLLBACK)
    report = deploy.deploy_desired(context, account_state, desired, source)
    result = "rolled back" if report.result == "deployed" else report.result
    return replace(report, result=result).as_json(options) | {"version": deployment.version}


def _chosen(aws: Aws, account_state: AccountState, options: Options, current: str) -> Deployment:
    entry = deployment_records.choose(
        deployment_records.entries(aws, account_state.account, options.env), options.version, current
    )
    [deployment] = deployment_records.read(aws, account_state.account, [entry])
    if deployment is None:
        raise Failure(
            Exit.REFUSED, f"the record of version {entry.version} cannot be read by this version", _ALTERNATIVE
        )
    return deployment


def _desired(aws: Aws, environment: Environment, account_state: AccountState, deployment: Deployment) -> DesiredState:
    """Return the desired state of the earlier version, from the artifact bucket.

    Whether this stack owns the account-wide role is decided anew: the earlier answer could delete the role.
    """
    manages = "true" if preflight.manage_gateway_account(account_state) else "false"
    given = {**deployment.parameters, "ManageApiGatewayAccount": manages}
    if shifting.PARAMETER in given:
        given[shifting.PARAMETER] = shifting.AT_ONCE  # it has served before, and whoever rolls back is in a hurry
    return desired_state.stored(aws, environment, account_state, replace(deployment, parameters=given), _ALTERNATIVE)
