"""`--hotswap`: replace the code of the functions, outside CloudFormation, in an environment that may lose its data.

The next plan shows the difference, and the next deployment restores what CloudFormation has deployed before it deploys.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from config import parameters
from config.environment import Environment
from deployer import connection
from deployer.artifacts import rendering, wheels
from deployer.aws import local
from deployer.aws.session import Aws
from deployer.commands import side_effects
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.plan import templates
from deployer.show.ui import Ui, ask, can_ask
from deployer.stacks import reading
from deployer.stacks.stack_status import recovery_action
from operations.development import local_code

_OF_THE_ACCOUNT = {"ArtifactBucket", "FunctionsKey", "LayerKey", "ManageApiGatewayAccount"}
_NAMED = 5


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Swap, after confirmation. The result is swapped, restored (the stack's own code) or unchanged."""
    environment = connection.load_environment(options)
    _refuse_retained_data(environment)
    if not (options.yes or can_ask()):
        raise Failure(
            Exit.REFUSED, "confirmation required, but stdin is not a terminal (use --yes); nothing was changed"
        )
    with ui.step("Package") as step:
        package = local_code.package(root)
        step.result = f"functions {len(package.content) / 1000:.0f} kB"
    aws, stack = connection.deployed(ui, options, root)
    _refuse_operation(aws, stack, options)
    with ui.step("Compare") as step:
        left = [*_left(aws, stack, environment, root)]
        swap = local_code.swap(aws, stack, package)
        step.result = (
            f"{len(swap.functions)} functions run other code" if swap.functions else "no function runs other code"
        )
    if left:
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        ui.warn(
            f"only code is swapped; these differ as well, and wait for a deployment: {', '.join(left[:_NAMED])}{more}"
        )
    if not swap.functions:
        ui.line("Nothing to swap: the functions run the local code.")
        return {"result": "unchanged", "functions": [], "left": left}
    if not swap.restores:
        ui.warn(
            f"this changes {', '.join(swap.functions)} outside CloudFormation{aws.elsewhere}: {environment.name} will not be "
            "what its stack says, until the next deployment"
        )
    if not options.yes and not ask("Swap the code?"):
        raise Failure(Exit.REFUSED, "not confirmed; nothing was changed")
    with side_effects.reported(aws), ui.step("Swap") as step:
        local_code.carry_out(aws, stack, swap)
        step.result = f"{len(swap.functions)} functions run {package.key}"
    back = options.at_the_same_place().command_line()
    ui.line("  This is the code of the stack." if swap.restores else f"  A deployment ends the difference: {back}")
    return {
        "result": "restored" if swap.restores else "swapped",
        "functions": [*swap.functions],
        "package": package.key,
        "left": left,
    }


def _refuse_retained_data(environment: Environment) -> None:
    if environment.data.retention == "Retain":
        raise Failure(
            Exit.USAGE,
            f"--hotswap is for development; environment {environment.name} retains its data (data.retention), "
            "so its code is changed by deployments only",
            "use an environment whose data.retention is Delete",
        )


def _refuse_operation(aws: Aws, stack: Mapping[str, Any], options: Options) -> None:
    status = reading.status_of(stack)
    if status.can_update:
        return

    def cli(words: str) -> str:
        return options.aws_command(aws, f"cloudformation {words} --stack-name {stack['StackName']}")

    raise Failure(Exit.PREFLIGHT, f"stack {stack['StackName']} is in {status}", recovery_action(status, cli))


def _left(aws: Aws, stack: Mapping[str, Any], environment: Environment, root: Path) -> Iterator[str]:
    """Name what differs from the deployed stack besides the functions' code."""
    cache, deployed = local.cache_directory(root), reading.parameters_of(stack)
    try:
        rendered = rendering.rendered(root, cache / "rendered")
    except Exception as error:
        yield f"templates, which cannot be rendered ({type(error).__name__}: {error})"
    else:
        yield from _templates(aws, stack, rendered, deployed["ArtifactBucket"])
    wanted = parameters.from_environment(environment)
    changed = {name for name in wanted.keys() | deployed.keys() if wanted.get(name) != deployed.get(name)}
    yield from (f"parameter {name}" for name in sorted(changed - _OF_THE_ACCOUNT))
    if wheels.layer(root / "requirements" / "layer.txt", cache / "wheels").key != deployed["LayerKey"]:
        yield "layer"


def _templates(aws: Aws, stack: Mapping[str, Any], rendered: Mapping[str, str], bucket: str) -> Iterator[str]:
    bundle = templates.bundle(rendered, aws.template_host(), bucket)
    body = reading.original_template(aws, stack["StackId"])
    if templates.same(body, bundle.root):
        return
    old, new = (templates.child_urls(each) for each in (reading.template(aws, stack["StackId"]), bundle.root))
    changed = [name for name, url in new.items() if Path(url).name != Path(str(old.get(name))).name]
    yield from (f"template {title}" for title in changed or ["root"])
