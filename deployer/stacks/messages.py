"""What a service's message says, without its noise: the words, the code, the property, and a known remedy. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# What CloudFormation and the SDKs add around a service's own words.
_NOISE = (
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
_DISTINCT = re.compile(r"[A-Z][a-z0-9]+[A-Z]")  # two humps: a name, hardly a word of the sentence


@dataclass(frozen=True)
class Message:
    """`code`: who said it and how it is called, such as `DynamoDb 400, InvalidRequest`; may be ""."""

    text: str
    code: str = ""


def clean(reason: str) -> Message:
    """A ResourceStatusReason in the service's own words, on one line."""
    service = _SERVICE.search(reason)
    codes = [f"{service['service'].strip()} {service['status']}"] if service else []
    for pattern in (_HANDLER_CODE, _ERROR_CODE):
        codes += [code for code in pattern.findall(reason) if code not in codes][:1]
    text = reason
    for noise in _NOISE:
        text = re.sub(noise, "", text)
    text = " ".join(text.split()).strip()
    if text.startswith('"'):
        text = text[1:].removesuffix('"').rstrip()
    text = re.sub(r"\s+([.,;:])(?=\s|$)", r"\1", text)
    return Message(text or " ".join(reason.split()), ", ".join(codes))


def property_path(text: str, properties: Iterable[str] = ()) -> str:
    """The property that a cleaned message is about: KeySchema/0, or "" if it does not tell.

    `properties`: the names that the resource has in its template. What the message points at counts first,
    then what it calls a property, then a name of the resource's own that stands in it as a word.
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
class Known:
    """A cause that is met often. `remedy` may use the pattern's named groups; `properties`: what it may be about.

    `transient`: the same command again is all that it takes.
    """

    pattern: re.Pattern
    remedy: str
    properties: tuple[str, ...] = ()
    transient: bool = False


def _known(pattern: str, remedy: str, *properties: str, transient: bool = False) -> Known:
    return Known(re.compile(pattern, re.IGNORECASE), remedy, properties, transient)


KNOWN: tuple[Known, ...] = (
    _known(
        r"cannot be assumed by|role .{0,80}is not (?:yet )?(?:ready|authorized to assume)|not able to assume",
        "a role that was only just made is not known everywhere yet; simply repeat the command",
        "Role",
        transient=True,
    ),
    _known(
        r"execution role does not have permissions to call|ensure the role can perform",
        "rights that were only just given are not known everywhere yet; run the same command again",
        "FunctionName",
        transient=True,
    ),
    # Its account-wide role and the right to use it arrive with a delay (github.com/aws-cloudformation/rain/issues/163).
    _known(
        r"role ARN does not have required permissions|CloudWatch Logs role ARN must be set",
        "API Gateway does not know its role for logs, or the role's rights, yet; run the same command again: it checks "
        "for the role first, and makes one if there is none",
        "CloudWatchRoleArn",
        transient=True,
    ),
    # A web ACL that was only just made (github.com/hashicorp/terraform-provider-aws/issues/17527).
    _known(
        r"WAFUnavailableEntity|WAFOptimisticLock|AWS WAF couldn.t retrieve the resource|entity is unavailable for modification",
        "WAF does not know its new web ACL or the API's stage everywhere yet; run the same command again",
        *("WebACLArn", "ResourceArn"),
        transient=True,
    ),
    _known(
        r"not authorized to perform:? (?P<action>[\w-]+:\w+)",
        "whoever deploys needs {action}; ask for it, or use another --profile",
    ),
    _known(
        r"access ?denied|not authorized|unauthorized",
        "whoever deploys lacks a permission that this resource needs; ask for it, or use another --profile",
    ),
    _known(
        r"UnreservedConcurrentExecution",
        'ask for more "Concurrent executions" in Service Quotas, or set functions.command_reserved_concurrency = 0 '
        "in the environment's file",
        "ReservedConcurrentExecutions",
    ),
    _known(
        r"already exists in stack (?P<stack>arn:\S+)",
        "the name is taken by a resource of another stack ({stack}); one of the two must go or change its name",
    ),
    _known(
        r"already exists|AlreadyExists|ResourceConflict|EntityAlreadyExists",
        "the name is taken by something outside this stack, perhaps left behind by a destroyed environment: "
        "look what it is, then delete or rename it",
    ),
    _known(
        r"only (?:one|1) (?:online )?(?:GSI|global secondary index)|more than one (?:GSI|global secondary index)"
        r"|cannot perform more than one GSI",
        "DynamoDB makes or removes one index at a time: deploy the first change, then the other",
        "GlobalSecondaryIndexes",
    ),
    _known(
        r"(?:table|resource)\b.{0,60}(?:being updated|being created|in use)|update is in progress"
        r"|Another update is currently in progress",
        "something else is changing it just now; wait a minute and repeat the command",
        transient=True,
    ),
    _known(
        r"NoSuchKey|specified key does not exist|no such key|object .{0,80}(?:not found|does not exist)",
        "the package is not in the artifact bucket under that key: Code and Layers must take the keys that the "
        "deployer passes (FunctionsKey, LayerKey)",
        *("Code/S3Key", "Content/S3Key"),
    ),
    _known(
        r"PermanentRedirect|bucket .{0,80}must be addressed|must be in the same region",
        "the artifact bucket must be in the region of the functions",
        *("Code/S3Bucket", "Content/S3Bucket"),
    ),
    _known(
        r"rate exceeded|throttl(?:ed|ing)|TooManyRequests|SlowDown",
        "AWS was asked too often just then; wait a minute and repeat the command",
        transient=True,
    ),
    _known(
        r"LimitExceeded|limit (?:has been )?exceeded|quota|too many|maximum number of",
        "a quota of this account is used up: remove what is not needed, or ask for more in Service Quotas",
    ),
    _known(
        r"not stabiliz|NotStabilized|timed? ?out|exceeded attempts",
        "it took too long; that passes often: repeat the command, and look at the resource if it happens again",
        transient=True,
    ),
    _known(
        r"ServiceInternalError|InternalFailure|Internal ?Failure|Service ?Unavailable",
        "the service had a bad moment; repeat the command",
        transient=True,
    ),
    _known(
        r"bucket you tried to delete is not empty",
        "the bucket still holds objects; empty it, or keep it out of the deletion",
    ),
    _known(
        r"MalformedPolicyDocument|Invalid principal|has prohibited field|Syntax errors in policy",
        "mend the policy where generator/ makes it; a principal that does not exist (yet) counts as a mistake too",
    ),
)


@dataclass(frozen=True)
class Remedy:
    """`text`: what to do, "" for a cause that is not known. `transient`: the same command again is all."""

    text: str = ""
    transient: bool = False


def remedy(message: Message) -> Remedy:
    """What to do about a known cause."""
    said = f"{message.text} {message.code}"
    for known in KNOWN:
        if found := known.pattern.search(said):
            return Remedy(known.remedy.format(**found.groupdict()), known.transient)
    return Remedy()
