"""Explain botocore's exceptions: what happened, and what to do next. Also exports the predicates of `error_kinds`."""

import json
import re
from collections.abc import Callable

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from deployer.aws import endpoint
from deployer.aws.error_kinds import (
    ErrorKind,
    code_of,
    is_denied,
    is_missing,
    is_not_implemented,
    is_transient,
    kind_of,
    message_of,
    status_of,
)
from deployer.aws.responses import UnusableConfiguration, UnusableResponse
from deployer.errors import Exit, Failure

__all__ = [
    "code_of",
    "denied_action",
    "explain",
    "is_denied",
    "is_missing",
    "is_not_implemented",
    "is_transient",
    "message_of",
    "reason",
]


def explain(error: BaseException) -> Failure | None:
    """Return the Failure for an exception of AWS or botocore; None for any other exception."""
    kind = kind_of(error)
    if kind is None:
        return None
    message, hint = (
        _EXPLANATIONS[kind](error) if kind in _EXPLANATIONS else (reason(error), "repeat with --debug to see where")
    )
    code = Exit.FAILED if kind in (ErrorKind.REFUSED, ErrorKind.OTHER) else Exit.PREFLIGHT
    return Failure(code, message, hint)


def reason(error: BaseException) -> str:
    """Return why a call failed, in a phrase; "" for an exception that does not come from talking to AWS."""
    kind = kind_of(error)
    if kind is None:
        return ""
    return _EXPLANATIONS[kind](error)[0] if kind in _EXPLANATIONS else f"{type(error).__name__}: {message_of(error)}"


def _operation(error: BaseException) -> str:
    """Return `cloudformation:DescribeStacks`, or as much of it as is known."""
    service, operation = getattr(error, "service", ""), getattr(error, "operation_name", "")
    return ":".join(filter(None, (service, operation))) or "AWS"


def _full_message(error: BaseException) -> str:
    return f"{_operation(error)}: {message_of(error)} ({code_of(error)})"


def _unreachable(error: BaseException) -> tuple[str, str]:
    url = str(getattr(error, "kwargs", {}).get("endpoint_url", ""))
    what = "the endpoint" if url.startswith("http") and not endpoint.is_aws(url) else "AWS"
    return (
        f"{what} cannot be reached: {message_of(error)}",
        "check the network, its proxy, --region and AWS_ENDPOINT_URL",
    )


def _unusable(error: BaseException) -> tuple[str, str]:
    hint = (
        "a proxy, a sign-in page of the network or the wrong endpoint responded; check HTTPS_PROXY and AWS_ENDPOINT_URL"
    )
    if isinstance(error, UnusableResponse):
        return message_of(error), hint
    if isinstance(error, ResponseParserError):
        return "AWS answered with text that is no AWS response", hint
    return f"{_operation(error)} answered {status_of(error)} with text that is no AWS response", hint


def _server(error: BaseException) -> tuple[str, str]:
    return f"AWS failed: {_full_message(error)}", "repeat the command in a few minutes"


def _denied(error: BaseException) -> tuple[str, str]:
    action = denied_action(error)
    hint = _OF_ROLES.get(action.split()[0], "request this action on the stack's resources, or use another --profile")
    return f"missing permission: {action}", hint


_OF_ROLES = {
    "sts:AssumeRole": "it is assume_role of [deploy]: the role must exist, its trust policy must name these credentials, "
    "and they must be allowed to assume it; if it demands MFA, sign in by a profile with role_arn and mfa_serial instead",
    "iam:PassRole": "it is role_arn of [deploy]: allow these credentials to pass that role to cloudformation.amazonaws.com",
}
"""What to do if an action on a role is denied."""


def _rejected(error: BaseException) -> tuple[str, str]:
    return (
        f"AWS does not accept these credentials ({code_of(error)})",
        "check the profile, this machine's clock, and that the account has enabled the region",
    )


def _expired(error: BaseException) -> tuple[str, str]:
    bare = (
        f" ({_operation(error)} returned a 400 without error code, as S3 does for expired credentials)"
        if code_of(error) == "400"
        else ""
    )
    return f"the AWS credentials have expired{bare}", "sign in again and repeat the command"


def _credentials(error: BaseException) -> tuple[str, str]:
    hint = "sign in, pass --profile NAME, or deploy to this machine with --local"
    if isinstance(error, boto.CredentialRetrievalError):
        return message_of(error), hint
    if isinstance(error, boto.RefreshWithMFAUnsupportedError):
        return "the credentials need a new MFA code", hint
    if isinstance(error, boto.PartialCredentialsError):
        return f"no usable AWS credentials were found: {message_of(error)}", hint
    return "no usable AWS credentials were found", hint


def _configuration(error: BaseException) -> tuple[str, str]:
    hint = "see the profiles in your AWS configuration (~/.aws/config, AWS_CONFIG_FILE) and the AWS_ variables"
    cause = error.__cause__ if isinstance(error, UnusableConfiguration) else None
    if isinstance(error, boto.MissingDependencyException):
        return (
            "the profile's login_session needs the AWS CRT, which is not installed",
            'pip install "botocore[crt]" into .venv, or use a profile of another kind (SSO, keys)',
        )
    if isinstance(error, boto.NoRegionError):
        return message_of(error), "pass --region, or set region in the environment's file"
    if isinstance(cause, EOFError):
        return "the profile asks for an MFA code, but stdin is not a terminal", (
            "run at a terminal, or sign in first and export the session's credentials"
        )
    if isinstance(cause, json.JSONDecodeError):
        return "the profile's credential_process does not print JSON", f"run it by hand; {hint}"
    if isinstance(cause, OSError) and cause.filename:
        return f"the AWS configuration names {cause.filename}: {cause.strerror}", (
            "it is the profile's credential_process or web_identity_token_file, or AWS_WEB_IDENTITY_TOKEN_FILE"
        )
    if re.search(r"Invalid endpoint:|^Port ", message_of(error)):
        return f"the endpoint is not a URL: {message_of(error)}", (
            "check AWS_ENDPOINT_URL and endpoint_url in the profile: http://host:port"
        )
    if cause is not None:
        return f"the AWS configuration or credentials cannot be used: {message_of(error)}", hint
    return message_of(error), hint


_EXPLANATIONS: dict[ErrorKind, Callable[[BaseException], tuple[str, str]]] = {
    ErrorKind.UNREACHABLE: _unreachable,
    ErrorKind.CERTIFICATE: lambda error: (
        f"no TLS connection: {message_of(error)}",
        "name the file of the authority's certificate in AWS_CA_BUNDLE, or as ca_bundle in the profile; "
        "an endpoint without TLS has http:// in its URL",
    ),
    ErrorKind.UNUSABLE: _unusable,
    ErrorKind.THROTTLED: lambda error: (
        f"AWS throttles this account: {_full_message(error)}",
        "repeat the command in a few minutes",
    ),
    ErrorKind.SERVER: _server,
    ErrorKind.DENIED: _denied,
    ErrorKind.EXPIRED: _expired,
    ErrorKind.REJECTED: _rejected,
    ErrorKind.CLOCK: lambda error: (
        f"this machine's clock differs from AWS's: {message_of(error)}",
        "set the clock (NTP) and repeat the command",
    ),
    ErrorKind.SUBSCRIPTION: lambda error: (
        f"this account may not use the service: {_full_message(error)}",
        "finish signing the account up, or enable the service or Region for it",
    ),
    ErrorKind.LIMIT: lambda error: (f"a limit of the account is reached: {_full_message(error)}", "see Service Quotas"),
    ErrorKind.NAME: lambda error: (
        f"another account owns the bucket name: {_full_message(error)}",
        "bucket names are global; the owner must delete the bucket",
    ),
    ErrorKind.NOT_IMPLEMENTED: lambda error: (
        f"the endpoint does not implement {_operation(error)} ({code_of(error)})",
        "check AWS_ENDPOINT_URL: it may be an emulator that lacks the operation, or not AWS at all",
    ),
    ErrorKind.OUTDATED: lambda error: (message_of(error), "install the pinned packages: make setup"),
    ErrorKind.CREDENTIALS: _credentials,
    ErrorKind.CONFIGURATION: _configuration,
    ErrorKind.REFUSED: lambda error: (
        _full_message(error),
        "--status shows the state of the stacks, --debug the call that failed",
    ),
}
"""What happened, and what to do next, by kind."""

_S3_ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObjectVersion",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjectsV2": "ListBucket",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
}
_ACTIONS = {
    "apigateway:GetAccount": "apigateway:GET",
    "apigateway:CreateApiKey": "apigateway:POST",
    "apigateway:CreateUsagePlanKey": "apigateway:POST",
    "apigateway:DeleteApiKey": "apigateway:DELETE",
    **{f"apigateway:{name}": "apigateway:GET" for name in ("GetApiKey", "GetApiKeys", "GetUsage", "GetUsagePlanKeys")},
    "apigateway:UpdateAccount": "apigateway:PATCH",
    "lambda:Invoke": "lambda:InvokeFunction",
    "resourcegroupstaggingapi:GetResources": "tag:GetResources",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    **{f"s3:{operation}": f"s3:{action}" for operation, action in _S3_ACTIONS.items()},
}
"""Operations whose IAM action has another name (Service Authorization Reference)."""


def denied_action(error: BaseException) -> str:
    """Return the IAM action that was denied: from the message if it names one, else from the operation."""
    found = re.search(r"perform:?\s+([\w-]+:\w+)(?: on resource:?\s+(\S+))?", message_of(error))
    if found:
        return found[1] + (f" on {found[2]}" if found[2] else "")
    return _ACTIONS.get(_operation(error), _operation(error))
