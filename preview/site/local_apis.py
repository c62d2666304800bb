"""Find the APIs that are deployed to the local emulator."""

from pathlib import Path

from config import names
from config.environment import available, load
from deployer.aws import local, session
from deployer.stacks import outputs
from emulator import control


def find(root: Path) -> list[dict[str, str]]:
    """Return url and environment of each; none if no emulator runs."""
    emulator = control.running(local.state_directory(root, None))
    if emulator is None:
        return []
    aws = session.connect_local(load(available()[0]), control.environment(emulator))
    pages = aws.client("cloudformation").get_paginator("describe_stacks").paginate()
    stacks = {stack["StackName"]: stack for page in pages for stack in page["Stacks"] if "ParentId" not in stack}
    prefix = names.root_stack("")
    found = {name.removeprefix(prefix): outputs.usable(aws, stack) for name, stack in sorted(stacks.items())}
    return [{"environment": name, "url": each["ApiUrl"]} for name, each in found.items() if "ApiUrl" in each]
