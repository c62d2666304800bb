"""The AWS session of a run: credentials, region and endpoint."""

import difflib
import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from config.environment import Environment
from deployer.aws import isolated
from deployer.aws.sent import Sent
from deployer.errors import Exit, Failure

if TYPE_CHECKING:
    import boto3

T = TypeVar("T")

# A short connect timeout reports an unreachable endpoint soon; retries slow the run down where the account is
# throttled, instead of failing. A call that hangs ends after 3 minutes.
_CONFIG: dict[str, Any] = {
    "connect_timeout": 5,
    "read_timeout": 30,
    "retries": {"mode": "standard", "total_max_attempts": 6},
}
_LOCAL_CONFIG: dict[str, Any] = {
    "connect_timeout": 2,
    "read_timeout": 30,
    "retries": {"mode": "standard", "total_max_attempts": 3},
    "proxies": {},  # none: the emulator is on this machine
}


def _like(pattern: T, value: Any) -> T:
    """Give `value` the type of `pattern`, for a type checker."""
    return value


class Aws:
    """Clients by service name, each created once, and what they connect to.

    `sent`: the calls that may have changed something. `warn` receives a line for each failed call of
    `deployer.aws.advice`.
    """

    def __init__(
        self,
        session: "boto3.Session",
        region: str,
        endpoint_url: str | None = None,
        local: bool = False,
        warn: Callable[[str], None] = lambda line: None,
    ) -> None:
        from botocore.config import Config

        from deployer.aws import responses

        responses.watch(session)
        config = Config(**(_LOCAL_CONFIG if local else _CONFIG), region_name=region)
        self.region = region
        self.endpoint_url = endpoint_url
        self.local = local
        self.warn = cache(warn)  # the same line once
        self.sent = Sent()
        self.client = _like(
            session.client,
            cache(
                lambda service: self.sent.watched(
                    responses.configured(lambda: session.client(service, endpoint_url=endpoint_url, config=config))
                )
            ),
        )

    def template_host(self) -> str:
        """Return the region's S3 endpoint, for path-style TemplateURLs.

        CloudFormation reads the templates, so endpoint settings of this machine do not apply.
        """
        return f"https://{isolated.endpoint('s3', self.region)}"


def connect(
    environment: Environment,
    *,
    region: str | None = None,
    profile: str | None = None,
    warn: Callable[[str], None] = lambda line: None,
) -> Aws:
    """Return a session with credentials from the default chain; send nothing.

    The region is --region, else the environment file's, else the profile's.
    Raises botocore's exceptions, and UnusableConfiguration, for a profile that cannot be used.
    """
    import boto3

    from deployer.aws import responses

    session = responses.configured(lambda: boto3.Session(profile_name=profile))
    if region is None and "region" not in environment.model_fields_set:
        region = responses.configured(lambda: session.region_name)
    return Aws(session, region or environment.region, warn=warn)


def connect_local(
    environment: Environment,
    variables: Mapping[str, str],
    region: str | None = None,
    warn: Callable[[str], None] = lambda line: None,
) -> Aws:
    """Return a session with the emulator that `variables` describe; ignore this machine's AWS and proxy settings."""
    session = isolated.session(
        variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"], region or environment.region
    )
    return Aws(session, region or environment.region, variables["AWS_ENDPOINT_URL"], local=True, warn=warn)


def check_region(region: str) -> None:
    """Raise Failure(PREFLIGHT) for an unknown region at once, not after a minute of failed calls. Sends nothing."""
    known = isolated.regions("cloudformation")
    if region in known or os.environ.get("AWS_ENDPOINT_URL"):
        return
    close = difflib.get_close_matches(region, known, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    raise Failure(
        Exit.PREFLIGHT, f"there is no region {region!r}", meant + "(a region newer than this boto3 needs a newer boto3)"
    )
