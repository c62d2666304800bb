"""What botocore's exceptions mean to the person who runs a deployment."""

import re

from deployer.errors import Exit, Failure

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_INVALID = {
    "AuthFailure",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403"}
_THROTTLED = {"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown"}
_NOT_IMPLEMENTED = {
    "NotImplemented",
    "NotImplementedException",
    "UnknownOperationException",
    "InvalidAction",
    "501",
    "404",
}

_NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "NoAuthTokenError"}
_SSO = {"SSOTokenLoadError", "TokenRetrievalError", "UnauthorizedSSOTokenError", "SSOError", "LoginRefreshRequired"}
_UNREACHABLE = {
    "EndpointConnectionError",
    "ConnectionClosedError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyConnectionError",
    "SSLError",
    "HTTPClientError",
    "ResponseStreamingError",
}


def code_of(error: Exception) -> str:
    """The service's error code, or "" when the service did not answer."""
    return getattr(error, "response", {}).get("Error", {}).get("Code", "")


def message_of(error: Exception) -> str:
    return getattr(error, "response", {}).get("Error", {}).get("Message", "") or str(error)


def is_denied(error: Exception) -> bool:
    return code_of(error) in _DENIED


def is_not_implemented(error: Exception) -> bool:
    """True when the endpoint does not know the operation: an emulator that is not complete."""
    return code_of(error) in _NOT_IMPLEMENTED


def unless_local(aws, call):
    """The call's answer, or None when the emulator, and only it, does not know the question."""
    try:
        return call()
    except Exception as error:
        if aws.local and is_not_implemented(error):
            return None
        raise


def is_transient(error: Exception) -> bool:
    """True for what a later try may not meet: throttling, a lost connection, a server's bad moment."""
    status = getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return type(error).__name__ in _UNREACHABLE or code_of(error) in _THROTTLED or status >= 500


def explain(error: Exception) -> Failure | None:
    """The Failure that an AWS exception amounts to; None when it is none of botocore's."""
    if not type(error).__module__.startswith(("botocore", "boto3")):
        return None
    kind, code = type(error).__name__, code_of(error)
    if kind in _NO_CREDENTIALS:
        return Failure(
            Exit.PREFLIGHT,
            "no usable AWS credentials were found",
            "sign in, pass --profile NAME, or deploy to this machine with --local",
        )
    if kind in _SSO or code in _EXPIRED:
        return Failure(Exit.PREFLIGHT, "the AWS credentials have expired", "sign in again and repeat the command")
    if kind in ("ProfileNotFound", "ConfigParseError", "ConfigNotFound"):
        return Failure(Exit.PREFLIGHT, str(error), "see the profiles in your AWS configuration")
    if kind in ("NoRegionError", "InvalidRegionError"):
        return Failure(Exit.PREFLIGHT, str(error), "pass --region, or set region in the environment's file")
    if code in _INVALID:
        return Failure(
            Exit.PREFLIGHT,
            f"AWS does not accept these credentials ({code})",
            "check the profile; the region may also be one that this account has not enabled",
        )
    if is_denied(error):
        return Failure(
            Exit.PREFLIGHT,
            f"missing permission: {denied_action(error)}",
            "ask for this action on this stack's resources, or use another --profile",
        )
    if kind in _UNREACHABLE:
        return Failure(
            Exit.PREFLIGHT, f"AWS cannot be reached: {error}", "check the network, --region and AWS_ENDPOINT_URL"
        )
    if code:
        what = f"{getattr(error, 'operation_name', 'AWS')}: {message_of(error)} ({code})"
        return Failure(Exit.FAILED, what, "--status shows how the stacks are; --debug where this was asked")
    return Failure(Exit.FAILED, f"{kind}: {error}", "repeat with --debug to see where")


def denied_action(error: Exception) -> str:
    """The action an AccessDenied is about, as IAM spells it where the message says so."""
    found = re.search(r"perform:?\s+([\w-]+:\w+)(?: on resource:?\s+(\S+))?", message_of(error))
    if found:
        return found[1] + (f" on {found[2]}" if found[2] else "")
    return getattr(error, "operation_name", "unknown action")
