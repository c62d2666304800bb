"""`--rollback [VERSION]`: deploy an earlier version again, the way every deployment goes.

Templates and packages are content-addressed and never expire, so an earlier version is still there, byte for
byte. What it does not take back: data, feature flags, and whatever operators changed in Parameter Store.
"""

from dataclasses import replace
from pathlib import Path

from config import names, parameters
from config.environment import Environment
from deployer import connection
from deployer.artifacts import bucket as artifact_bucket
from deployer.aws import session
from deployer.aws.session import Aws
from deployer.commands import deploy, recover, show_outputs, side_effects
from deployer.commands.context import Context
from deployer.commands.desired_state import Built
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.plan import cfn_yaml, templates
from deployer.preflight import account_state as preflight
from deployer.preflight.account_state import AccountState
from deployer.show import outputs_file
from deployer.show.ui import Ui
from deployer.stacks import deployment_records
from deployer.stacks.deployment_records import Deployment

_OTHERWISE = "choose another version (--history), or check out its commit and deploy that"


def run(options: Options, ui: Ui, root: Path) -> dict:
    """`options.version`: what to go back, or forward, to; None is what was deployed before the current version.

    Raises Failure(USAGE) for an unknown version, (REFUSED) when something of it is gone.
    """
    outputs_file.check(options.outputs_file)
    environment = connection.load_environment(options.env)
    session.check_region(options.region or environment.region)
    aws = connection.connect(ui, environment, options, root)
    with side_effects.reported(aws):
        return _roll_back(options, ui, aws, environment)


def _roll_back(options: Options, ui: Ui, aws: Aws, environment: Environment) -> dict:
    account_state = connection.check_account(ui, aws, environment)
    context = Context(ui, aws, environment, options, account_state.caller)
    account_state = recover.ensure_deployable(context, account_state)
    if account_state.status.is_new:
        raise Failure(
            Exit.PREFLIGHT,
            f"environment {options.env} is not deployed, so there is nothing to take back",
            f"deploy it: {options.at_the_same_place().command_line()}",
        )
    with ui.step("Version") as step:
        current = deployment_records.deployed_version(aws, account_state.stack)
        deployment = _chosen(aws, account_state, options, current)
        commit = f", commit {deployment.commit[:8]}" if deployment.commit else ""
        step.result = f"{deployment.version} of {deployment.when}{commit}"
    if deployment.version == current:
        ui.line("Nothing to change: this version is what is deployed.")
        return {
            "result": "unchanged",
            "version": current,
            "outputs": show_outputs.show(ui, aws, account_state.stack, options.outputs_file),
        }
    built = _built(aws, environment, account_state, deployment)
    ui.line("  Data and feature flags stay as they are; the next deployment of a checkout takes this rollback back.")
    source = replace(deployment.source, kind=deployment_records.ROLLBACK)
    report = deploy.deploy_built(context, account_state, built, source)
    result = "rolled back" if report["result"] == "deployed" else report["result"]
    return report | {"result": result, "version": deployment.version}


def _chosen(aws: Aws, account_state: AccountState, options: Options, current: str) -> Deployment:
    entry = deployment_records.choose(
        deployment_records.entries(aws, account_state.account, options.env), options.version, current
    )
    [deployment] = deployment_records.read(aws, account_state.account, [entry])
    if deployment is None:
        raise Failure(Exit.REFUSED, f"the record of version {entry.version} cannot be read by this version", _OTHERWISE)
    return deployment


def _built(aws: Aws, environment: Environment, account_state: AccountState, deployment: Deployment) -> Built:
    """As `build.desired.build` makes it from a checkout, but from the bucket.

    Who owns the account-wide role is decided anew: the answer from then could delete it.
    """
    bucket = names.artifact_bucket(account_state.account, aws.region)
    bodies = {deployment.root: _body(aws, bucket, deployment.root)}
    root = cfn_yaml.load(bodies[deployment.root])
    children = {}
    for logical_id, url in templates.child_urls(root).items():
        key = str(url).partition(f"/{bucket}/")[2]
        bodies[key] = _body(aws, bucket, key)
        children[logical_id] = cfn_yaml.load(bodies[key])
    lost = [
        key
        for key in deployment.packages
        if not artifact_bucket.has(aws.client("s3"), bucket, account_state.account, key)
    ]
    if lost:
        raise _gone(bucket, lost[0])
    bundle = templates.Bundle(
        deployment.root,
        bodies[deployment.root],
        root,
        f"{aws.template_host()}/{bucket}/{deployment.root}",
        bodies,
        children,
    )
    configured = parameters.from_environment(environment)
    given = {name: configured[name] for name in root.get("Parameters", {}) if name in configured}  # for NoEcho ones
    given |= deployment.parameters
    given["ManageApiGatewayAccount"] = "true" if preflight.manage_gateway_account(account_state) else "false"
    return Built(bundle, (), templates.parameter_values(root, given), bucket)


def _body(aws: Aws, bucket: str, key: str) -> str:
    """A template, which is what its key says it is."""
    s3 = aws.client("s3")
    try:
        text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    except s3.exceptions.NoSuchKey:
        raise _gone(bucket, key) from None
    if templates.key_of(text) != key:
        raise Failure(Exit.REFUSED, f"s3://{bucket}/{key} is not what was deployed then", _OTHERWISE)
    return text


def _gone(bucket: str, key: str) -> Failure:
    return Failure(
        Exit.REFUSED,
        f"s3://{bucket}/{key}, a part of that version, is no longer there",
        _OTHERWISE,
    )
