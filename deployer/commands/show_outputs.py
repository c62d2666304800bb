"""`--outputs`: what the root stack gives out, such as the API's URL."""

from pathlib import Path

from deployer.aws import connection
from deployer.commands.options import Options
from deployer.show import present
from deployer.show.ui import Ui
from deployer.stacks import outputs


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Locally with URLs that work on this machine. The API key is not among them; a local --outputs-file has it,
    as a local deployment writes it: it protects nothing there."""
    aws, stack = connection.deployed(ui, options, root)
    values = outputs.of_stack(stack)
    if aws.local:
        values = outputs.localized(values, aws.endpoint_url)
    present.show_outputs(ui, values)
    if options.outputs_file:
        outputs.write(options.outputs_file, outputs.with_api_key(aws, values) if aws.local else values)
    return {"result": "listed", "outputs": values}
