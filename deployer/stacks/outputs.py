"""The root stack's outputs, with URLs that work on this machine."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.stacks import reading

_API_URL = re.compile(r"^https?://(?P<api>[a-z0-9]+)\.execute-api\.[^/]+/(?P<stage>[\w-]+)")


def of_stack(stack: Mapping[str, Any]) -> dict[str, str]:
    """Return OutputKey -> OutputValue of a DescribeStacks entry."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def localized(outputs: Mapping[str, str], endpoint_url: str) -> dict[str, str]:
    """Return the outputs with the emulator's ApiUrl and EndpointUrl."""
    local = {**outputs, "EndpointUrl": endpoint_url}
    api = _API_URL.match(outputs.get("ApiUrl", ""))
    if api:
        local["ApiUrl"] = f"{endpoint_url}/restapis/{api['api']}/{api['stage']}/_user_request_"
    return local


def usable(aws: Aws, stack: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the outputs of a DescribeStacks entry, with the emulator's URLs if local."""
    values = of_stack(stack or {})
    return localized(values, aws.endpoint_url) if aws.local and aws.endpoint_url else values


def with_api_key(aws: Aws, outputs: Mapping[str, str]) -> dict[str, str]:
    """Add the API key's value to the outputs. Only for the emulator, where it protects nothing."""
    if "ApiKeyId" not in outputs:
        return dict(outputs)
    key = aws.client("apigateway").get_api_key(apiKey=outputs["ApiKeyId"], includeValue=True)
    return {**outputs, "ApiKey": key["value"]}


def needed(aws: Aws, stack: Mapping[str, Any], options: Options, names: Iterable[str]) -> dict[str, str]:
    """Return the usable outputs of a DescribeStacks entry.

    Raises Failure(PREFLIGHT) if one of `names` is missing; its hint suggests deploying only if the deployed template
    lacks the output.
    """
    known = usable(aws, stack)
    missing = next((name for name in names if name not in known), None)
    if missing is None:
        return known
    status = reading.status_of(stack)
    deploy = options.at_the_same_place().command_line()
    if not status.can_update:
        hint = f"a stack has outputs after a successful deployment: {deploy}"
    elif missing in reading.template(aws, stack["StackId"]).get("Outputs", {}):
        status_command = options.at_the_same_place("--status").command_line()
        hint = (
            "its template declares the output, so deploying again does not add it; the environment's settings "
            f"disable it, or the stack is damaged: {status_command}"
        )
    else:
        hint = f"the deployed version does not declare this output; deploy the local version: {deploy}"
    raise Failure(Exit.PREFLIGHT, f"stack {stack['StackName']}, in {status}, has no output {missing}", hint)
