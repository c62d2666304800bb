"""The root stack's outputs, with URLs that work on this machine."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from deployer.aws import endpoint
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.stacks import reading


def of_stack(stack: Mapping[str, Any]) -> dict[str, str]:
    """Return OutputKey -> OutputValue of a DescribeStacks entry."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def usable(aws: Aws, stack: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the outputs of a DescribeStacks entry as they hold at the session's endpoint.

    At one that is not AWS's, the API has another URL, and links into AWS's console lead nowhere. With --local,
    EndpointUrl is added.
    """
    values = of_stack(stack or {})
    if aws.endpoint_url is None:
        return values
    values.pop("DashboardUrl", None)
    if aws.local:
        values["EndpointUrl"] = aws.endpoint_url
    if "ApiUrl" in values:
        pattern = "" if aws.local else endpoint.api_url_pattern()
        values["ApiUrl"] = endpoint.api_url(values["ApiUrl"], aws.endpoint_of("apigateway"), pattern)
    return values


def for_clients(aws: Aws, outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the outputs with what a client needs besides: CaBundle, if the session has one, and ApiKey.

    ApiKey only from an emulator on this machine, where it protects nothing.
    """
    found = dict(outputs)
    if aws.ca_bundle:
        found["CaBundle"] = os.path.abspath(aws.ca_bundle)
    if aws.on_this_machine and "ApiKeyId" in outputs:
        key = aws.client("apigateway").get_api_key(apiKey=outputs["ApiKeyId"], includeValue=True)
        found["ApiKey"] = key["value"]
    return found


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
