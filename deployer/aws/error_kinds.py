"""Classify botocore's exceptions, by class where possible, else by error code. No other module does.

Whether to retry, whether a permission is missing, and the message (`service_errors`) follow from the kind.
"""

import re
from enum import Enum, auto

from boto3.exceptions import Boto3Error
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from deployer.aws.responses import UnknownOperation, UnusableConfiguration, UnusableResponse


class ErrorKind(Enum):
    """Why a call failed."""

    CERTIFICATE = auto()  # no TLS connection: the certificate, or the bundle that should have its authority
    UNREACHABLE = auto()  # no response, or a truncated one
    UNUSABLE = auto()  # a response that is not AWS's
    THROTTLED = auto()
    SERVER = auto()  # an AWS internal error
    DENIED = auto()
    EXPIRED = auto()
    REJECTED = auto()  # credentials that AWS does not know
    CLOCK = auto()
    SUBSCRIPTION = auto()
    LIMIT = auto()
    NAME = auto()  # a bucket's name that another account has
    NOT_IMPLEMENTED = auto()
    OUTDATED = auto()  # this machine's botocore
    CREDENTIALS = auto()
    CONFIGURATION = auto()
    REFUSED = auto()  # any other error code of a service
    OTHER = auto()


TRANSIENT = {ErrorKind.CERTIFICATE, ErrorKind.UNREACHABLE, ErrorKind.UNUSABLE, ErrorKind.THROTTLED, ErrorKind.SERVER}

_CLASSES: tuple[tuple[ErrorKind, tuple[type[Exception], ...]], ...] = (
    (ErrorKind.UNUSABLE, (UnusableResponse, ResponseParserError)),
    (ErrorKind.NOT_IMPLEMENTED, (NotImplementedError,)),  # from an emulator in this process
    (ErrorKind.OUTDATED, (UnknownOperation, boto.UnknownServiceError, boto.OperationNotPageableError)),
    (
        ErrorKind.CONFIGURATION,
        (UnusableConfiguration, boto.ProfileNotFound, boto.ConfigParseError, boto.ConfigNotFound),
    ),
    (ErrorKind.CONFIGURATION, (boto.InvalidConfigError, boto.InvalidRetryConfigurationError, boto.InvalidDefaultsMode)),
    (ErrorKind.CONFIGURATION, (boto.BaseEndpointResolverError, boto.EndpointProviderError, boto.ValidationError)),
    (ErrorKind.CONFIGURATION, (boto.InvalidS3AddressingStyleError, boto.InvalidSTSRegionalEndpointsConfigError)),
    (ErrorKind.CONFIGURATION, (boto.InvalidChecksumConfigError, boto.InvalidEndpointConfigurationError)),
    (ErrorKind.CONFIGURATION, (boto.InvalidIMDSEndpointError, boto.InvalidIMDSEndpointModeError)),
    (ErrorKind.CONFIGURATION, (boto.InvalidProxiesConfigError, boto.InvalidS3UsEast1RegionalEndpointConfigError)),
    (ErrorKind.CONFIGURATION, (boto.MissingDependencyException, boto.UnknownCredentialError)),
    (ErrorKind.CONFIGURATION, (boto.UnknownSignatureVersionError,)),
    (ErrorKind.EXPIRED, (boto.SSOError, boto.TokenRetrievalError, boto.LoginError)),
    (ErrorKind.CREDENTIALS, (boto.NoCredentialsError, boto.PartialCredentialsError, boto.NoAuthTokenError)),
    (ErrorKind.CREDENTIALS, (boto.CredentialRetrievalError, boto.RefreshWithMFAUnsupportedError)),
    (ErrorKind.CERTIFICATE, (boto.SSLError,)),
    (ErrorKind.UNREACHABLE, (boto.HTTPClientError, boto.ConnectionError, boto.MetadataRetrievalError, HTTPError)),
    (ErrorKind.UNREACHABLE, (boto.IncompleteReadError, boto.ChecksumError, boto.FlexibleChecksumError)),
)
"""The first match counts."""

_CODES: dict[ErrorKind, set[str]] = {
    ErrorKind.EXPIRED: {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"},
    ErrorKind.CLOCK: {"RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"},
    ErrorKind.REJECTED: {
        "AuthFailure",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    },
    ErrorKind.DENIED: {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "AuthorizationError",
        "AuthorizationErrorException",
        "NotAuthorized",
        "UnauthorizedOperation",
    },
    ErrorKind.SUBSCRIPTION: {"OptInRequired", "SubscriptionRequiredException", "AccountProblem", "NotSignedUp"},
    ErrorKind.LIMIT: {
        "LimitExceeded",
        "LimitExceededException",
        "ResourceLimitExceeded",
        "ServiceQuotaExceededException",
        "TooManyBuckets",
    },
    ErrorKind.NAME: {"BucketAlreadyExists"},
    ErrorKind.THROTTLED: {
        "429",
        "BandwidthLimitExceeded",
        "OverLimit",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "TooManyRequests",
        "TooManyRequestsException",
    },
    ErrorKind.SERVER: {"InternalError", "InternalFailure", "RequestTimeout", "ServiceUnavailable", "408"},
    ErrorKind.NOT_IMPLEMENTED: {
        "404",
        "501",
        "InvalidAction",
        "NotImplemented",
        "NotImplementedException",
        "UnknownOperationException",
    },
}
_KINDS = {code: kind for kind, codes in _CODES.items() for code in codes}

_CLOCK = re.compile(r"Signature (expired|not yet current)|RequestTimeTooSkewed|too skewed", re.IGNORECASE)
_SHOWN = 400
"""Maximum length of a message, in characters."""


def code_of(error: BaseException) -> str:
    """Return the service's error code; "" if there is none."""
    code = _error(error).get("Code")
    return one_line(code) if isinstance(code, str) else ""


def message_of(error: BaseException) -> str:
    """Return the message of the service or of botocore, on one line."""
    return one_line(str(_error(error).get("Message") or error))


def _response(error: BaseException) -> dict:
    """Return the parsed response; {} where botocore has None (HTTPClientError and its subclasses)."""
    return getattr(error, "response", None) or {}


def _error(error: BaseException) -> dict:
    return _response(error).get("Error") or {}


def status_of(error: BaseException) -> int:
    """Return the HTTP status; 0 if unknown."""
    return (_response(error).get("ResponseMetadata") or {}).get("HTTPStatusCode") or 0


def one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def kind_of(error: BaseException) -> ErrorKind | None:
    """Classify an exception; None if it does not come from talking to AWS."""
    if isinstance(error, boto.ClientError):
        return _kind_of_answer(error)
    for kind, classes in _CLASSES:
        if isinstance(error, classes):
            return kind
    return ErrorKind.OTHER if isinstance(error, (boto.BotoCoreError, Boto3Error)) else None


def _kind_of_answer(error: boto.ClientError) -> ErrorKind:
    code, status = code_of(error), status_of(error)
    if status == 501:  # emulators send codes of any kind with it
        return ErrorKind.NOT_IMPLEMENTED
    if _CLOCK.search(message_of(error)):
        return ErrorKind.CLOCK
    if not code:
        return ErrorKind.UNUSABLE
    if code == "400" and error.operation_name.startswith("Head"):  # S3: no body, so no error code
        return ErrorKind.EXPIRED
    if kind := _KINDS.get(code):
        return kind
    if "Throttl" in code:  # the code differs from service to service
        return ErrorKind.THROTTLED
    if status >= 500:
        return ErrorKind.SERVER
    return ErrorKind.UNUSABLE if code.isdigit() else ErrorKind.REFUSED


def is_transient(error: BaseException) -> bool:
    """Return True if a retry may succeed: throttling, a lost connection, a server error, a proxy's page."""
    return kind_of(error) in TRANSIENT


def is_denied(error: BaseException) -> bool:
    return kind_of(error) is ErrorKind.DENIED


def is_not_implemented(error: BaseException) -> bool:
    """Return True if the endpoint does not implement the operation, such as an incomplete emulator."""
    return kind_of(error) is ErrorKind.NOT_IMPLEMENTED


_GONE = {
    "AWS.SimpleQueueService.NonExistentQueue",
    "ChangeSetNotFound",
    "NotFound",
    "NotFoundException",
    "ParameterNotFound",
    "QueueDoesNotExist",
    "ResourceNotFound",
    "ResourceNotFoundException",
    "WAFNonexistentItemException",
}


def is_missing(error: BaseException) -> bool:
    """Return True if the resource does not exist; each service has its own code for that."""
    if not isinstance(error, boto.ClientError):
        return False
    code = code_of(error)
    if code == "404":  # elsewhere: the endpoint does not implement the operation
        return error.operation_name.startswith("Head")
    return code in _GONE or code.startswith("NoSuch") or "does not exist" in message_of(error)
