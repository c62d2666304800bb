"""Accepted findings of `make audit`, each with its reason beside the resource: `checkov`, `cfn-guard` or `parliament`
in its Metadata. The audit fails if a reason is there for what is no longer found.
"""

from collections.abc import Mapping

from generator.functions import Function, mapping_title
from generator.triggers import QueueTrigger, RuleTrigger, StreamTrigger


def accepted(reasons: Mapping[str, str]) -> dict:
    """Return the Metadata of a resource; `reasons` maps the ids of broken rules, with spaces between those of several
    tools, to why they are broken. Checkov reads its part, the audit all of it."""
    skipped: dict[str, list[dict[str, str]]] = {}
    for ids, reason in reasons.items():
        for rule in ids.split():
            skipped.setdefault(_tool(rule), []).append({"id": rule, "comment": reason})
    return {tool: {"skip": entries} for tool, entries in skipped.items()}


def _tool(rule: str) -> str:
    """`CKV_AWS_18` is a check of checkov, `CT.S3.PR.2` a control of AWS Control Tower, `ISSUE:Sid` of parliament."""
    return "checkov" if rule.startswith("CKV") else "cfn-guard" if rule.startswith("CT.") else "parliament"


_ENCRYPTED = "CKV_AWS_158 CT.CLOUDWATCH.PR.3"
_LOGS = (
    "CloudWatch Logs encrypts every group at rest, with a key of its own. A customer's key is one more to pay for, "
    "to give rights on and to lose, for lines that are kept for days and"
)
_KEPT_FOR_DAYS = {
    "CT.CLOUDWATCH.PR.2": "LogRetentionDays says how long. Lines serve to find a fault, within days: what has become of "
    "an order is in its item and its events, and who has changed what in the account is in CloudTrail."
}
LOG_GROUP = accepted({_ENCRYPTED: f"{_LOGS} have no body, address or API key in them.", **_KEPT_FOR_DAYS})
EXECUTION_LOG_GROUP = accepted(
    {_ENCRYPTED: f"{_LOGS} have whole requests in them only while DataTrace is on.", **_KEPT_FOR_DAYS}
)


def _instead(function: Function) -> tuple[str, str]:
    """Return what replaces reserved concurrency, and what replaces a dead-letter queue."""
    match function.trigger:
        case QueueTrigger() as trigger:
            return (
                f"Bounded where it takes orders, by the MaximumConcurrency of {mapping_title(function, trigger)}. A reservation "
                "would have its pollers receive in vain, until good orders end in the dead-letter queue.",
                "Lambda reads the queue for it: what fails goes back there, and the fifth time to "
                f"{trigger.dead_letters.title}.",
            )
        case StreamTrigger() as trigger:
            return (
                "Bounded by the stream: one invocation at a time for each of its shards, which are few.",
                f"Lambda reads the stream for it: what fails for good is named in {trigger.dead_letters.title}, the "
                f"on-failure destination of {mapping_title(function, trigger)}.",
            )
        case RuleTrigger() as trigger:
            return (
                "Many files at once are for the order queue to absorb, and the worker behind it is bounded. A "
                "reservation would only have files wait.",
                f"What fails for good goes to {trigger.dead_letters.title}, the on-failure destination of "
                f"{function.invoke_config_title}, which gets the error as well as the event.",
            )
    return (
        "Bounded by the throttles of the API and of its keys. A reservation would be taken from the account's other "
        "functions, and refuse requests that could be served.",
        "API Gateway waits for its answer. A dead-letter queue takes failed asynchronous invocations, and there are "
        "none.",
    )


def of_function(function: Function) -> dict:
    """Return the accepted findings of a function."""
    reasons = {
        "CKV_AWS_117 CT.LAMBDA.PR.3": "It calls AWS, under its own role, and nothing in a private network: a VPC would "
        "add endpoints or gateways that cost and fail, and protect nothing.",
        "CKV_AWS_173": "Lambda encrypts the variables at rest, with a key of its own. They are names, ARNs and URLs: "
        "no secret is among them.",
    }
    limit, failures = _instead(function)
    if not function.reserved_concurrency:
        reasons["CKV_AWS_115"] = limit
    if not function.dead_letters:
        reasons["CKV_AWS_116"] = failures
    return accepted(reasons)


def of_role(function: Function) -> dict:
    """Return the accepted findings of a function's role, as an argument."""
    if not isinstance(function.trigger, StreamTrigger):
        return {}
    reason = (
        "The ARN of a table's stream ends in the time of its creation, which has colons. The rule takes a colon for the "
        "start of another kind of resource; the actions are those of a stream."
    )
    return {"Metadata": accepted({"RESOURCE_MISMATCH:ReadStream": reason})}
