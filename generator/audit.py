"""Accepted findings of the security scanner (`make audit`, checkov), each with its reason beside the resource.

The scanner sees one template at a time and no values of parameters, so it cannot judge what an environment sets.
Tests check prod's values.
"""

from generator.functions import Function


def accepted(**reasons: str) -> dict:
    """Return the Metadata of a resource; `reasons` maps the id of each failed check to why the finding is accepted."""
    return {"checkov": {"skip": [{"id": check, "comment": reason} for check, reason in reasons.items()]}}


_LOGS = (
    "CloudWatch Logs encrypts every group at rest, with a key of its own. A customer's key is one more to pay for, "
    "to give rights on and to lose, for lines that are kept for days and"
)
LOG_GROUP = accepted(CKV_AWS_158=f"{_LOGS} have no body, address or API key in them.")
EXECUTION_LOG_GROUP = accepted(CKV_AWS_158=f"{_LOGS} have whole requests in them only where DataTrace is on: in dev.")

# What replaces reserved concurrency, and what replaces a dead-letter queue, of functions that have none.
_SYNCHRONOUS = (
    "API Gateway waits for its answer. A dead-letter queue takes failed asynchronous invocations, and there are none."
)
_THROTTLED = (
    "Bounded by the throttles of the API and of its keys. A reservation would be taken from the account's other "
    "functions, and refuse requests that could be served."
)
_BOUNDED_BY = {
    "orders_query": _THROTTLED,
    "orders_intake": _THROTTLED,
    "orders_worker": "Bounded where it takes orders, by the MaximumConcurrency of OrderQueueToWorker. A reservation "
    "would have its pollers receive in vain, until good orders end in the dead-letter queue.",
    "orders_events": "Bounded by the stream: one invocation at a time for each of its shards, which are few.",
    "orders_import": "Many files at once are for the order queue to absorb, and the worker behind it is bounded. A "
    "reservation would only have files wait.",
}
_FAILURES_GO_TO = {
    "orders_query": _SYNCHRONOUS,
    "orders_intake": _SYNCHRONOUS,
    "orders_worker": "Lambda reads the queue for it: what fails goes back there, and the fifth time to OrderQueueDLQ.",
    "orders_events": "Lambda reads the stream for it: what fails for good is named in OrderEventsDLQ, the on-failure "
    "destination of OrdersStreamToEvents.",
    "orders_import": "What fails for good goes to OrderImportDLQ, the on-failure destination of OrdersImportPatience, "
    "which gets the error as well as the event.",
}


def of_function(function: Function) -> dict:
    """Return the accepted findings of a function. Raises KeyError if it lacks a limit or dead letters without a reason."""
    reasons = {
        "CKV_AWS_117": "It calls AWS, under its own role, and nothing in a private network: a VPC would add endpoints or "
        "gateways that cost and fail, and protect nothing.",
        "CKV_AWS_173": "Lambda encrypts the variables at rest, with a key of its own. They are names, ARNs and URLs: "
        "no secret is among them.",
    }
    if not function.reserved_concurrency:
        reasons["CKV_AWS_115"] = _BOUNDED_BY[function.key]
    if not function.dead_letters:
        reasons["CKV_AWS_116"] = _FAILURES_GO_TO[function.key]
    return accepted(**reasons)
