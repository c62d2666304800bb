"""The AWS session of a run: credentials, region and endpoint."""

import difflib
import os
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from config.environment import Environment
from deployer.aws import endpoint, isolated, local, roles
from deployer.aws.roles import Roles
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

    `local`: the emulator that --local starts. `sent`: the calls that may have changed something. `warn` receives a
    line for each failed call of `deployer.aws.advice`. `roles_of_run`: of all clients.
    """

    def __init__(
        self,
        session: "boto3.Session",
        region: str,
        local_url: str | None = None,
        warn: Callable[[str], None] = lambda line: None,
        roles_of_run: Roles = roles.NONE,
    ) -> None:
        from deployer.aws import responses

        responses.watch(session)
        self.region = region
        self.local = local_url is not None
        self.warn = cache(warn)  # the same line once
        self.sent = Sent()
        self.service_role = roles_of_run.service
        self._session: Any = session  # its stubs know literal names of services only
        if roles_of_run.assumed:
            roles.assume(session, self._created("sts", local_url), roles_of_run.assumed)
        self.client = _like(session.client, cache(lambda service: self.sent.watched(self._created(service, local_url))))

    def _created(self, service: str, url: str | None) -> Any:
        """Return a client; with a configuration of its own for an endpoint on this machine."""
        from botocore.config import Config

        from deployer.aws import responses

        def create(settings: dict[str, Any]) -> Any:
            config = Config(**settings, region_name=self.region)
            return responses.configured(lambda: self._session.client(service, endpoint_url=url, config=config))

        made = create(_LOCAL_CONFIG if self.local else _CONFIG)
        if not self.local and endpoint.is_on_this_machine(made.meta.endpoint_url):
            made = create(_LOCAL_CONFIG)
        if service == "cloudformation" and self.service_role:
            roles.pass_on(made, self.service_role)
        return made

    def endpoint_of(self, service: str) -> str | None:
        """Return the endpoint of a service as the SDK's settings name it; None if it is AWS's."""
        client: Any = self.client
        url = client(service).meta.endpoint_url.rstrip("/")
        return None if endpoint.is_aws(url) else url

    @cached_property
    def endpoint_url(self) -> str | None:
        """CloudFormation's endpoint, which is where the deployment is; None if it is AWS's."""
        return self.endpoint_of("cloudformation")

    @cached_property
    def on_this_machine(self) -> bool:
        return bool(self.endpoint_url and endpoint.is_on_this_machine(self.endpoint_url))

    @property
    def elsewhere(self) -> str:
        """Return " at <endpoint>, not AWS" for a message; "" for AWS, and with --local, which asks for an emulator."""
        return f" at {self.endpoint_url}, not AWS" if self.endpoint_url and not self.local else ""

    @cached_property
    def ca_bundle(self) -> str | None:
        """The file of certificates that the clients trust: AWS_CA_BUNDLE, ca_bundle in the profile, REQUESTS_CA_BUNDLE.

        None: the default ones, or plain HTTP to the emulator.
        """
        if self.local:
            return None
        return self._session._session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")

    def template_host(self) -> str:
        """Return the region's S3 endpoint, for path-style TemplateURLs.

        CloudFormation reads the templates, and takes URLs of AWS's S3 only; emulators find the bucket in them, too.
        """
        return f"https://{isolated.endpoint('s3', self.region)}"


def _session(profile: str | None) -> "boto3.Session":
    import boto3

    from deployer.aws import responses

    return responses.configured(lambda: boto3.Session(profile_name=profile))


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
    from deployer.aws import responses

    session = _session(profile)
    if region is None and "region" not in environment.model_fields_set:
        region = responses.configured(lambda: session.region_name)
    return Aws(session, region or environment.region, warn=warn, roles_of_run=roles.of(environment.deploy))


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
    its = roles.of(environment.deploy, local.ACCOUNT)
    return Aws(session, region or environment.region, variables["AWS_ENDPOINT_URL"], warn, its)


def check_region(region: str, *, profile: str | None = None, local: bool = False) -> None:
    """Raise Failure(PREFLIGHT) for an unknown region at once, not after a minute of failed calls. Sends nothing.

    An endpoint that is not AWS's may know any region.
    """
    known = isolated.regions("cloudformation")
    if region in known or (not local and Aws(_session(profile), region).endpoint_url):
        return
    close = difflib.get_close_matches(region, known, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    raise Failure(
        Exit.PREFLIGHT, f"there is no region {region!r}", meant + "(a region newer than this boto3 needs a newer boto3)"
    )
