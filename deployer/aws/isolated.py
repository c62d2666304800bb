"""Make sessions and processes that ignore this machine's AWS and proxy settings: variables and files at home."""

import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import boto3
    from botocore.loaders import Loader
    from botocore.regions import EndpointResolver

_PREFIXES = ("AWS_", "BOTO")
_PROXY = "_PROXY"


def session(access_key: str, secret_key: str, region: str | None = None) -> "boto3.Session":
    """Return a boto3 session of its arguments only: variables, profiles, configuration files, models do not count.

    Clients still look for a proxy, unless their Config has `proxies`: `deployer.aws.session`.
    """
    import boto3
    from botocore.configprovider import ConstantProvider
    from botocore.session import Session

    # key in the file, variable, default, conversion
    variables = {name: (None, None, *rest) for name, (_, _, *rest) in Session.SESSION_VARIABLES.items()}
    files = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    core = Session(session_vars={**variables, **files})
    for section in ("s3", "proxies_config"):  # these have providers of their own
        core.get_component("config_store").set_config_provider(section, ConstantProvider({}))
    core.set_config_variable("ignore_configured_endpoint_urls", True)
    core.register_component("data_loader", _loader())
    return boto3.Session(access_key, secret_key, region_name=region, botocore_session=core)


@cache
def _loader() -> "Loader":
    """Return botocore's own models; all sessions share what is loaded of them."""
    from botocore.loaders import Loader

    return Loader([Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)


def endpoint(service: str, region: str) -> str:
    """Return the host of a service's endpoint."""
    found = _endpoints().construct_endpoint(service, region)
    assert found, f"no partition has {region}"
    return found["hostname"]


def regions(service: str) -> list[str]:
    """Return the regions of all partitions in which botocore knows the service."""
    known = _endpoints()
    return [
        region
        for partition in known.get_available_partitions()
        for region in known.get_available_endpoints(service, partition)
    ]


@cache
def dns_suffixes() -> set[str]:
    """Return the domains of all partitions' endpoints."""
    outputs = [partition["outputs"] for partition in _loader().load_data("partitions")["partitions"]]
    return {each[suffix] for each in outputs for suffix in ("dnsSuffix", "dualStackDnsSuffix")}


@cache
def _endpoints() -> "EndpointResolver":
    from botocore.regions import EndpointResolver

    return EndpointResolver(_loader().load_data("endpoints"))


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a process that makes clients, without settings of AWS or of a proxy."""
    kept = {
        name: value
        for name, value in given.items()
        if not name.upper().startswith(_PREFIXES) and not name.upper().endswith(_PROXY)
    }
    return {**kept, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
