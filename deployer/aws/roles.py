"""The roles of a run: the caller's, which it assumes first, and the service role that CloudFormation uses."""

import re
from dataclasses import dataclass
from typing import Any

from config.sections import Deploy

_GENERATED = re.compile(r"botocore-session-\d+|aws-go-sdk-\d+|\d+")


@dataclass(frozen=True)
class Roles:
    """ARNs; None for the caller itself, and for a service role that is left to the stack."""

    assumed: str | None = None
    service: str | None = None


NONE = Roles()


def of(settings: Deploy, account: str | None = None) -> Roles:
    """Return the roles of an environment; those in `account` only, if it is given: an emulator has no other."""
    found = (settings.assume_role, settings.role_arn)
    return Roles(*(role if role and account in (None, account_of(role)) else None for role in found))


def account_of(role: str) -> str:
    return role.split(":")[4]


def name_of(caller: str) -> str:
    """Return the name of the user or session in an STS ARN; the role's if the session's name is generated."""
    parts = caller.split("/")
    return parts[-2] if len(parts) > 2 and _GENERATED.fullmatch(parts[-1]) else parts[-1].split(":")[-1]


def assume(session: Any, sts: Any, role: str) -> None:
    """Let clients that the boto3 session creates from now on use the role; `sts` has the caller's own credentials.

    Sends nothing: the first call assumes the role, and later ones again before the credentials expire, after an hour.
    """
    from botocore.credentials import DeferredRefreshableCredentials

    def credentials() -> dict[str, str]:
        caller = name_of(sts.get_caller_identity()["Arn"])
        name = re.sub(r"[^\w+=,.@-]", "-", caller, flags=re.ASCII)[:64].ljust(2, "-")
        found = sts.assume_role(RoleArn=role, RoleSessionName=name)["Credentials"]
        return {
            "access_key": found["AccessKeyId"],
            "secret_key": found["SecretAccessKey"],
            "token": found["SessionToken"],
            "expiry_time": found["Expiration"].isoformat(),
        }

    session._session._credentials = DeferredRefreshableCredentials(credentials, "assume-role")


def pass_on(cloudformation: Any, role: str) -> None:
    """Add the service role to each call of the client that takes one. CloudFormation remembers it with the stack."""
    model = cloudformation.meta.service_model
    for operation in model.operation_names:
        inputs = model.operation_model(operation).input_shape
        if inputs and "RoleARN" in inputs.members:
            cloudformation.meta.events.register(f"provide-client-params.cloudformation.{operation}", _with(role))


def _with(role: str) -> Any:
    def add(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**params, "RoleARN": role}

    return add
