"""Find the APIs that are deployed to the local emulator."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config import names
from config.environment import available, load
from deployer.aws import service_errors, session
from deployer.aws.session import Aws
from deployer.errors import Failure
from deployer.stacks import outputs
from emulator import control


def find(state: Path) -> list[dict[str, Any]]:
    """Return environment, url and allowed origins of each.

    None if no emulator runs in the directory `state`, or while it does not answer.
    """
    try:
        return _find(state)
    except Exception as error:
        if not isinstance(error, Failure) and service_errors.explain(error) is None:
            raise
        return []


def _find(state: Path) -> list[dict[str, Any]]:
    emulator = control.running(state)
    if emulator is None:
        return []
    aws = session.connect_local(load(available()[0]), control.environment(emulator))
    pages = aws.client("cloudformation").get_paginator("describe_stacks").paginate()
    stacks = {stack["StackName"]: stack for page in pages for stack in page["Stacks"] if "ParentId" not in stack}
    return [api for name, stack in sorted(stacks.items()) if (api := _api(aws, name, stack))]


def _api(aws: Aws, name: str, stack: Mapping[str, Any]) -> dict[str, Any] | None:
    url = outputs.usable(aws, stack).get("ApiUrl")
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", ())}
    origins = parameters.get("AllowedOrigins", "*").split(",")
    return {"environment": name.removeprefix(names.root_stack("")), "url": url, "origins": origins} if url else None
