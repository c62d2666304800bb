"""Parse a service's error message: its text, code and property, and the remedy of a known cause. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# What CloudFormation and the SDKs add to a service's message.
_ADDITIONS = (
    r"^Resource handler returned message:\s*",
    r"\((?:Request ?Token|HandlerErrorCode): [^()]*\)",
    r"\(Service: [^()]*\)",
    r"\(SDK Attempt Count: \d+\)",
    r"[;,]?\s*\b(?:Extended )?Request ?ID: [\w=+/-]+(?=[;,)\s]|$)",
    r"[;,]\s*Proxy: null",
)
_SERVICE = re.compile(r"\(Service: (?P<service>[^;,)]+)[;,] Status Code: (?P<status>\d+)")
_HANDLER_CODE = re.compile(r"HandlerErrorCode: (\w+)")
_ERROR_CODE = re.compile(r"Error Code: (\w+)")

_POINTER = re.compile(r"#((?:/\w+)+)")
_EXTRANEOUS = re.compile(r"#(?P<at>(?:/\w+)*): (?:extraneous|required) key \[(?P<key>\w+)\]")
_NAMED = re.compile(
    r"\bat '(?P<at>\w+(?:\.\w+)*)'|'(?P<failed>\w+)' failed"
    r"|\b(?:[Pp]roperty|[Pp]arameter|[Ff]ield)(?: named?)?:? ['\"]?(?P<property>[A-Z]\w+)"
)
_UNSUPPORTED = re.compile(r"unsupported property (\w+)")
_DISTINCT = re.compile(r"[A-Z][a-z0-9]+[A-Z]")  # camel case: a name, not a word of the sentence


@dataclass(frozen=True)
class Message:
    """`code`: service, status and error codes, such as `DynamoDb 400, InvalidRequest`; may be ""."""

    text: str
    code: str = ""


def clean(reason: str) -> Message:
    """Return a ResourceStatusReason without additions, on one line."""
    service = _SERVICE.search(reason)
    codes = [f"{service['service'].strip()} {service['status']}"] if service else []
    for pattern in (_HANDLER_CODE, _ERROR_CODE):
        codes += [code for code in pattern.findall(reason) if code not in codes][:1]
    text = reason
    for addition in _ADDITIONS:
        text = re.sub(addition, "", text)
    text = " ".join(text.split()).strip()
    if text.startswith('"'):
        text = text[1:].removesuffix('"').rstrip()
    text = re.sub(r"\s+([.,;:])(?=\s|$)", r"\1", text)
    return Message(text or " ".join(reason.split()), ", ".join(codes))


def property_path(text: str, properties: Iterable[str] = ()) -> str:
    """Return the property that a cleaned message is about, such as KeySchema/0; "" if unknown.

    `properties`: those of the resource in its template. A JSON pointer in the message counts first, then a word that
    it calls a property, then a word that is one of `properties`.
    """
    if found := _EXTRANEOUS.search(text):
        return "/".join(filter(None, [found["at"].lstrip("/"), found["key"]]))
    if found := _POINTER.search(text):
        return found[1].lstrip("/").removeprefix("properties/")
    if found := _UNSUPPORTED.search(text):
        return found[1]
    known = {name.lower(): name for name in properties}
    for found in _NAMED.finditer(text):
        name = (found["at"] or found["failed"] or found["property"]).replace(".", "/")
        first, slash, rest = name.partition("/")
        if first.lower() in known:
            return known[first.lower()] + slash + rest
    words = set(re.findall(r"\w+", text))
    named = [name for name in sorted(properties, key=len, reverse=True) if name in words and _DISTINCT.match(name)]
    if named:
        return named[0]
    hints = next((cause.properties for cause in KNOWN if cause.pattern.search(text)), ())
    return next((hint for hint in hints if hint.partition("/")[0] in properties), "")


@dataclass(frozen=True)
class KnownCause:
    """A frequent cause. `remedy` may use the pattern's named groups. `properties`: those that it may concern.

    `transient`: running the same command again may succeed.
    """

    pattern: re.Pattern
    remedy: str
    properties: tuple[str, ...] = ()
    transient: bool = False


def _known(pattern: str, remedy: str, *properties: str, transient: bool = False) -> KnownCause:
    return KnownCause(re.compile(pattern, re.IGNORECASE), remedy, properties, transient)


KNOWN: tuple[KnownCause, ...] = (
    _known(
        r"cannot be assumed by|role .{0,80}is not (?:yet )?(?:ready|authorized to assume)|not able to assume",
        "IAM has not propagated the new role yet; run the same command again",
        "Role",
        transient=True,
    ),
    _known(
        r"execution role does not have permissions to call|ensure the role can perform",
        "IAM has not propagated the new permissions yet; run the same command again",
        "FunctionName",
        transient=True,
    ),
    # The account-wide role and its permissions propagate with a delay (github.com/aws-cloudformation/rain/issues/163).
    _known(
        r"role ARN does not have required permissions|CloudWatch Logs role ARN must be set",
        "API Gateway has no role for logs, or the role's permissions have not propagated yet; run the same command "
        "again: it creates the role if there is none",
        "CloudWatchRoleArn",
        transient=True,
    ),
    # A new web ACL (github.com/hashicorp/terraform-provider-aws/issues/17527).
    _known(
        r"WAFUnavailableEntity|WAFOptimisticLock|AWS WAF couldn.t retrieve the resource|entity is unavailable for modification",
        "WAF has not propagated the new web ACL or the API's stage yet; run the same command again",
        *("WebACLArn", "ResourceArn"),
        transient=True,
    ),
    _known(
        r"not authorized to perform:? (?P<action>[\w-]+:\w+)",
        "the deploying principal needs {action}; request it, or use another --profile",
    ),
    _known(
        r"access ?denied|not authorized|unauthorized",
        "the deploying principal lacks a permission for this resource; request it, or use another --profile",
    ),
    _known(
        r"UnreservedConcurrentExecution",
        'request more "Concurrent executions" in Service Quotas, or set functions.command_reserved_concurrency = 0 '
        "in the environment's file",
        "ReservedConcurrentExecutions",
    ),
    _known(
        r"A version for this Lambda function exists \( (?P<version>\d+) \)",
        "the function equals its last version; if nothing uses that, delete it: aws lambda delete-function "
        "--function-name … --qualifier {version}",
        "FunctionName",
    ),
    _known(
        r"already exists in stack (?P<stack>arn:\S+)",
        "a resource of another stack ({stack}) has the name; delete or rename one of the two",
    ),
    _known(
        r"already exists|AlreadyExists|ResourceConflict|EntityAlreadyExists",
        "a resource outside this stack has the name, perhaps retained from a destroyed environment: inspect it, then "
        "delete or rename it",
    ),
    _known(
        r"only (?:one|1) (?:online )?(?:GSI|global secondary index)|more than one (?:GSI|global secondary index)"
        r"|cannot perform more than one GSI",
        "DynamoDB creates or deletes one index at a time: deploy the first change, then the other",
        "GlobalSecondaryIndexes",
    ),
    _known(
        r"(?:table|resource)\b.{0,60}(?:being updated|being created|in use)|update is in progress"
        r"|Another update is currently in progress",
        "another operation is changing it; wait a minute, then run the same command again",
        transient=True,
    ),
    _known(
        r"NoSuchKey|specified key does not exist|no such key|object .{0,80}(?:not found|does not exist)",
        "the artifact bucket has no package with that key: Code and Layers must use the parameters FunctionsKey and "
        "LayerKey",
        *("Code/S3Key", "Content/S3Key"),
    ),
    _known(
        r"PermanentRedirect|bucket .{0,80}must be addressed|must be in the same region",
        "the artifact bucket must be in the region of the functions",
        *("Code/S3Bucket", "Content/S3Bucket"),
    ),
    _known(
        r"rate exceeded|throttl(?:ed|ing)|TooManyRequests|SlowDown",
        "AWS throttled the requests; wait a minute, then run the same command again",
        transient=True,
    ),
    _known(
        r"LimitExceeded|limit (?:has been )?exceeded|quota|too many|maximum number of",
        "a quota of this account is exhausted: delete unused resources, or request more in Service Quotas",
    ),
    _known(
        r"not stabiliz|NotStabilized|timed? ?out|exceeded attempts",
        "timed out; run the same command again, and inspect the resource if it fails again",
        transient=True,
    ),
    _known(
        r"ServiceInternalError|InternalFailure|Internal ?Failure|Service ?Unavailable",
        "the service had an internal error; run the same command again",
        transient=True,
    ),
    _known(
        r"bucket you tried to delete is not empty",
        "the bucket contains objects; empty it, or retain it",
    ),
    _known(
        r"MalformedPolicyDocument|Invalid principal|has prohibited field|Syntax errors in policy",
        "correct the policy in generator/; a principal that does not exist (yet) is invalid too",
    ),
)


@dataclass(frozen=True)
class Remedy:
    """`text`: what to do, "" for an unknown cause. `transient`: running the same command again may succeed."""

    text: str = ""
    transient: bool = False


def remedy(message: Message) -> Remedy:
    """Return what to do if the message's cause is known."""
    text = f"{message.text} {message.code}"
    for known in KNOWN:
        if found := known.pattern.search(text):
            return Remedy(known.remedy.format(**found.groupdict()), known.transient)
    return Remedy()
