"""The root stack's outputs: as they are, and as they work on this machine."""

import re
from collections.abc import Mapping

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


def usable(aws, stack: Mapping | None) -> dict[str, str]:
    """The outputs of a DescribeStacks entry with URLs that work where this program runs."""
    values = of_stack(stack or {})
    return localized(values, aws.endpoint_url) if aws.local else values


def with_api_key(aws, outputs: Mapping[str, str]) -> dict[str, str]:
    """The outputs and the API key's value: locally only, where it protects nothing."""
    if "ApiKeyId" not in outputs:
        return dict(outputs)
    key = aws.client("apigateway").get_api_key(apiKey=outputs["ApiKeyId"], includeValue=True)
    return {**outputs, "ApiKey": key["value"]}
