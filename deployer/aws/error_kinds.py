"""What kind of failure an exception of botocore's is: decided here and nowhere else, by its class where one tells.

Whether a later try may succeed, whether a permission is missing, and what a person reads (`service_errors`) follow
from the kind.
"""

import re
from enum import Enum, auto

from boto3.exceptions import Boto3Error
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from deployer.aws.answers import UnknownOperation, UnusableAnswer, UnusableConfiguration


class Kind(Enum):
    """What happened to a call."""

    UNREACHABLE = auto()  # no answer, or one that broke off
    UNUSABLE = auto()  # an answer that is not AWS's
    THROTTLED = auto()
    SERVER = auto()  # AWS's own failure
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


TRANSIENT = {Kind.UNREACHABLE, Kind.UNUSABLE, Kind.THROTTLED, Kind.SERVER}

_CLASSES: tuple[tuple[Kind, tuple[type[Exception], ...]], ...] = (
    (Kind.UNUSABLE, (UnusableAnswer, ResponseParserError)),
    (Kind.NOT_IMPLEMENTED, (NotImplementedError,)),  # of an emulator in this process
    (Kind.OUTDATED, (UnknownOperation, boto.UnknownServiceError, boto.OperationNotPageableError)),
    (Kind.CONFIGURATION, (UnusableConfiguration, boto.ProfileNotFound, boto.ConfigParseError, boto.ConfigNotFound)),
    (Kind.CONFIGURATION, (boto.InvalidConfigError, boto.InvalidRetryConfigurationError, boto.InvalidDefaultsMode)),
    (Kind.CONFIGURATION, (boto.BaseEndpointResolverError, boto.EndpointProviderError, boto.ValidationError)),
    (Kind.CONFIGURATION, (boto.InvalidS3AddressingStyleError, boto.InvalidSTSRegionalEndpointsConfigError)),
    (Kind.CONFIGURATION, (boto.InvalidChecksumConfigError, boto.InvalidEndpointConfigurationError)),
    (Kind.CONFIGURATION, (boto.InvalidIMDSEndpointError, boto.InvalidIMDSEndpointModeError)),
    (Kind.CONFIGURATION, (boto.InvalidProxiesConfigError, boto.InvalidS3UsEast1RegionalEndpointConfigError)),
    (Kind.CONFIGURATION, (boto.MissingDependencyException, boto.UnknownCredentialError)),
    (Kind.CONFIGURATION, (boto.UnknownSignatureVersionError,)),
    (Kind.EXPIRED, (boto.SSOError, boto.TokenRetrievalError, boto.LoginError)),
    (Kind.CREDENTIALS, (boto.NoCredentialsError, boto.PartialCredentialsError, boto.NoAuthTokenError)),
    (Kind.CREDENTIALS, (boto.CredentialRetrievalError, boto.RefreshWithMFAUnsupportedError)),
    (Kind.UNREACHABLE, (boto.HTTPClientError, boto.ConnectionError, boto.MetadataRetrievalError, HTTPError)),
    (Kind.UNREACHABLE, (boto.IncompleteReadError, boto.ChecksumError, boto.FlexibleChecksumError)),
)
"""The first that fits counts."""

_CODES: dict[Kind, set[str]] = {
    Kind.EXPIRED: {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"},
    Kind.CLOCK: {"RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"},
    Kind.REJECTED: {
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
    Kind.DENIED: {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "AuthorizationError",
        "AuthorizationErrorException",
        "NotAuthorized",
        "UnauthorizedOperation",
    },
    Kind.SUBSCRIPTION: {"OptInRequired", "SubscriptionRequiredException", "AccountProblem", "NotSignedUp"},
    Kind.LIMIT: {
        "LimitExceeded",
        "LimitExceededException",
        "ResourceLimitExceeded",
        "ServiceQuotaExceededException",
        "TooManyBuckets",
    },
    Kind.NAME: {"BucketAlreadyExists"},
    Kind.THROTTLED: {
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
    Kind.SERVER: {"InternalError", "InternalFailure", "RequestTimeout", "ServiceUnavailable", "408"},
    Kind.NOT_IMPLEMENTED: {
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
"""Characters of a message."""


def code_of(error: BaseException) -> str:
    """The service's error code, or "" when there is none."""
    code = _error(error).get("Code")
    return one_line(code) if isinstance(code, str) else ""


def message_of(error: BaseException) -> str:
    """What the service or botocore said, on one line."""
    return one_line(str(_error(error).get("Message") or error))


def _response(error: BaseException) -> dict:
    """{} too where botocore says None: the whole family of HTTPClientError."""
    return getattr(error, "response", None) or {}


def _error(error: BaseException) -> dict:
    return _response(error).get("Error") or {}


def status_of(error: BaseException) -> int:
    return (_response(error).get("ResponseMetadata") or {}).get("HTTPStatusCode") or 0


def one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def kind_of(error: BaseException) -> Kind | None:
    """None for an exception that does not come from talking to AWS."""
    if isinstance(error, boto.ClientError):
        return _kind_of_answer(error)
    for kind, classes in _CLASSES:
        if isinstance(error, classes):
            return kind
    return Kind.OTHER if isinstance(error, (boto.BotoCoreError, Boto3Error)) else None


def _kind_of_answer(error: boto.ClientError) -> Kind:
    code, status = code_of(error), status_of(error)
    if _CLOCK.search(message_of(error)):
        return Kind.CLOCK
    if not code:
        return Kind.UNUSABLE
    if code == "400" and status == 400:  # HEAD has no body to say it in
        return Kind.EXPIRED
    if kind := _KINDS.get(code):
        return kind
    if "Throttl" in code:  # each service spells it in its own way
        return Kind.THROTTLED
    if status >= 500:
        return Kind.NOT_IMPLEMENTED if status == 501 else Kind.SERVER
    return Kind.UNUSABLE if code.isdigit() else Kind.REFUSED


def is_transient(error: BaseException) -> bool:
    """True for what a later try may not meet: throttling, a lost connection, a server's bad moment, a proxy's page."""
    return kind_of(error) in TRANSIENT


def is_denied(error: BaseException) -> bool:
    return kind_of(error) is Kind.DENIED


def is_not_implemented(error: BaseException) -> bool:
    """True when the endpoint does not know the operation: an emulator that is not complete."""
    return kind_of(error) is Kind.NOT_IMPLEMENTED


_GONE = {
    "AWS.SimpleQueueService.NonExistentQueue",
    "ChangeSetNotFound",
    "NotFound",
    "NotFoundException",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
}


def is_missing(error: BaseException) -> bool:
    """True when what was asked for is not there, in the words of whichever service."""
    if not isinstance(error, boto.ClientError):
        return False
    code = code_of(error)
    if code == "404":  # S3's answer to HEAD has no body; elsewhere it is an endpoint that does not know the operation
        return error.operation_name.startswith("Head")
    return code in _GONE or code.startswith("NoSuch") or "does not exist" in message_of(error)
