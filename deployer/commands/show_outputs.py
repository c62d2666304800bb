"""`--outputs`: show the outputs of the root stack, such as the API's URL."""

from collections.abc import Mapping
from pathlib import Path

from deployer import connection
from deployer.aws.session import Aws
from deployer.options import Options
from deployer.show import outputs_file
from deployer.show.ui import Ui
from deployer.stacks import outputs, reading


def run(options: Options, ui: Ui, root: Path) -> dict:
    outputs_file.check(options.outputs_file)
    aws, stack = connection.deployed(ui, options, root)
    return {"result": "listed", "outputs": show(ui, aws, stack, options.outputs_file)}


def show(ui: Ui, aws: Aws, stack: Mapping | None, file: Path | None) -> dict[str, str]:
    """Show the outputs of a DescribeStacks entry and write them to `file`, with what a client needs besides."""
    values = outputs.usable(aws, stack)
    width = max(map(len, values), default=0)
    for key, value in sorted(values.items()):
        ui.line(f"  {key:<{width}}  {value}")
    if stack and not outputs.of_stack(stack):
        ui.warn(f"stack {stack['StackName']}, in {reading.status_of(stack)}, has no outputs")
    if file:
        outputs_file.write(file, outputs.for_clients(aws, values))
    return values
