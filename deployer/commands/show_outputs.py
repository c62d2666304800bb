"""`--outputs`: what the root stack gives out, such as the API's URL."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from deployer import outputs_file
from deployer.aws import connection
from deployer.commands.options import Options
from deployer.errors import Exit, Failure
from deployer.show import present
from deployer.show.ui import Ui
from deployer.stacks import outputs, reading


def run(options: Options, ui: Ui, root: Path) -> dict:
    outputs_file.check(options.outputs_file)
    aws, stack = connection.deployed(ui, options, root)
    return {"result": "listed", "outputs": show(ui, aws, stack, options.outputs_file)}


def needed(aws, stack: Mapping, options: Options, names: Iterable[str]) -> dict[str, str]:
    """The usable outputs of a DescribeStacks entry; Failure(PREFLIGHT) with what helps if one of `names` is not there.

    Deploying helps only where it changes something: not if the deployed template has that output already.
    """
    known = outputs.usable(aws, stack)
    missing = next((name for name in names if name not in known), None)
    if missing is None:
        return known
    status = reading.status_of(stack)
    deploy = options.at_the_same_place().command_line()
    if not status.can_update:
        hint = f"outputs are there when a deployment has succeeded: {deploy}"
    elif missing in reading.template(aws, stack["StackId"]).get("Outputs", {}):
        status_command = options.at_the_same_place("--status").command_line()
        hint = (
            "its template has that output, so that deploying it again gives nothing new; the environment's settings "
            f"leave it out, or the stack is damaged: {status_command}"
        )
    else:
        hint = f"it was deployed by a version that had no such output; deploy this one: {deploy}"
    raise Failure(Exit.PREFLIGHT, f"stack {stack['StackName']}, in {status}, has no output {missing}", hint)


def show(ui: Ui, aws, stack: Mapping | None, file: Path | None) -> dict[str, str]:
    """The outputs of a DescribeStacks entry, locally with URLs that work on this machine; written to `file`, too.

    The API key is on no screen; a local file has it, for there it protects nothing.
    """
    values = outputs.usable(aws, stack)
    present.show_outputs(ui, values)
    if stack and not outputs.of_stack(stack):
        ui.warn(f"stack {stack['StackName']}, in {reading.status_of(stack)}, has no outputs")
    if file:
        outputs_file.write(file, outputs.with_api_key(aws, values) if aws.local else values)
    return values
