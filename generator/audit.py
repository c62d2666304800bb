"""Accepted findings of the security scanner (`make audit`, checkov), each with its reason beside the resource.

The scanner sees one template at a time and no values of parameters, so it cannot judge what an environment sets.
Tests check prod's values.
"""

from generator.functions import Function, mapping_title
from generator.triggers import QueueTrigger, RuleTrigger, StreamTrigger


def accepted(**reasons: str) -> dict:
    """Return the Metadata of a resource; `reasons` maps the id of each failed check to why the finding is accepted."""
    return {"checkov": {"skip": [{"id": check, "comment": reason} for check, reason in reasons.items()]}}


_LOGS = (
    "CloudWatch Logs encrypts every group at rest, with a key of its own. A customer's key is one more to pay for, "
    "to give rights on and to lose, for lines that are kept for days and"
)
LOG_GROUP = accepted(CKV_AWS_158=f"{_LOGS} have no body, address or API key in them.")
EXECUTION_LOG_GROUP = accepted(CKV_AWS_158=f"{_LOGS} have whole requests in them only while DataTrace is on.")


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
        "CKV_AWS_117": "It calls AWS, under its own role, and nothing in a private network: a VPC would add endpoints or "
        "gateways that cost and fail, and protect nothing.",
        "CKV_AWS_173": "Lambda encrypts the variables at rest, with a key of its own. They are names, ARNs and URLs: "
        "no secret is among them.",
    }
    limit, failures = _instead(function)
    if not function.reserved_concurrency:
        reasons["CKV_AWS_115"] = limit
    if not function.dead_letters:
        reasons["CKV_AWS_116"] = failures
    return accepted(**reasons)
