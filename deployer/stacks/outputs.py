"""The root stack's outputs: as they are, and as they work on this machine."""

import re
from collections.abc import Iterable, Mapping

from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.stacks import reading

_API_URL = re.compile(r"^https?://(?P<api>[a-z0-9]+)\.execute-api\.[^/]+/(?P<stage>[\w-]+)")


def of_stack(stack: Mapping) -> dict[str, str]:
    """OutputKey -> OutputValue of a DescribeStacks entry."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def localized(outputs: Mapping[str, str], endpoint_url: str) -> dict[str, str]:
    """The outputs with an ApiUrl that curl can use as it stands, and the emulator's EndpointUrl."""
    local = {**outputs, "EndpointUrl": endpoint_url}
    api = _API_URL.match(outputs.get("ApiUrl", ""))
    if api:
        local["ApiUrl"] = f"{endpoint_url}/restapis/{api['api']}/{api['stage']}/_user_request_"
    return local


def usable(aws: Aws, stack: Mapping | None) -> dict[str, str]:
    """The outputs of a DescribeStacks entry with URLs that work where this program runs."""
    values = of_stack(stack or {})
    return localized(values, aws.endpoint_url) if aws.local else values


def with_api_key(aws: Aws, outputs: Mapping[str, str]) -> dict[str, str]:
    """The outputs and the API key's value: locally only, where it protects nothing."""
    if "ApiKeyId" not in outputs:
        return dict(outputs)
    key = aws.client("apigateway").get_api_key(apiKey=outputs["ApiKeyId"], includeValue=True)
    return {**outputs, "ApiKey": key["value"]}


def needed(aws: Aws, stack: Mapping, options: Options, names: Iterable[str]) -> dict[str, str]:
    """The usable outputs of a DescribeStacks entry; Failure(PREFLIGHT) with what helps if one of `names` is not there.

    Deploying helps only where it changes something: not if the deployed template has that output already.
    """
    known = usable(aws, stack)
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
