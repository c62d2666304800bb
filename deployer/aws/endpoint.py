"""Where a URL leads: to AWS, to this machine, or to another endpoint; and where an API is called there."""

import ipaddress
import os
import re
from functools import cache
from urllib.parse import urlsplit

from deployer.aws import isolated
from deployer.errors import Exit, Failure

API_URL_VARIABLE = "FOOD_DELIVERY_API_URL"
"""The API's URL at an endpoint that is not AWS's, with {api} and {stage} for their ids."""

_API_URL = "{endpoint}/restapis/{api}/{stage}/_user_request_"
"""MiniStack and LocalStack serve an API there."""

_AWS_API = re.compile(r"https://(?P<api>[a-z0-9]+)\.execute-api\.[^/]+/(?P<stage>[\w-]+)")


def is_aws(url: str) -> bool:
    """Return True for a host in a domain of one of AWS's partitions; VPC endpoints are too."""
    host = urlsplit(url).hostname or ""
    return any(host == suffix or host.endswith(f".{suffix}") for suffix in isolated.dns_suffixes())


@cache
def is_on_this_machine(url: str) -> bool:
    """Return True for a loopback address and for localhost: no proxy leads there, and it answers soon."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def api_url(url: str, endpoint_url: str | None, pattern: str = "") -> str:
    """Return where to call an API whose stack has the output `url`.

    CloudFormation's output names AWS's host. At another endpoint it is replaced, unless that endpoint's CloudFormation
    has written a host of its own. `endpoint_url`: API Gateway's; None is AWS's. `pattern`: see API_URL_VARIABLE.
    """
    found = _AWS_API.match(url)
    if not (endpoint_url and found and (pattern or is_aws(url))):
        return url
    return (pattern or _API_URL).format(endpoint=endpoint_url, **found.groupdict()).rstrip("/")


def api_url_pattern() -> str:
    """Return the value of FOOD_DELIVERY_API_URL, "" if unset. Raises Failure(USAGE) if it is not a URL."""
    pattern = os.environ.get(API_URL_VARIABLE, "")
    try:
        parts = urlsplit(pattern.format(endpoint="http://host", api="api", stage="stage"))
        if not pattern or (parts.scheme in ("http", "https") and parts.hostname):
            return pattern
    except (ValueError, LookupError, AttributeError):
        pass
    raise Failure(
        Exit.USAGE,
        f"{API_URL_VARIABLE} is not the URL of an API: {pattern}",
        "such as https://localhost:4566/restapis/{api}/{stage}/_user_request_",
    )
