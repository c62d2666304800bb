"""Who may deliver to whom, and messages that a service sends to a queue by itself."""

from collections.abc import Mapping

from ministack.app import AUTH
from ministack.core import iam_evaluator
from ministack.services import sqs


def enforced() -> bool:
    """Whether this emulator enforces IAM."""
    return AUTH


def role_may(role: str, action: str, resource: str) -> bool:
    """Whether a role's own policies allow an action. Anything, where IAM is not enforced."""
    if not enforced():
        return True
    account = role.split(":")[4]
    context = _context(action, resource, principal_arn=role, principal_type="AssumedRole", principal_account=account)
    policies = iam_evaluator._gather_role_policies(role.rsplit("/", 1)[-1], account)
    return iam_evaluator.evaluate(context, policies).decision == "Allow"


def service_may_invoke(policy: dict, service: str, source: str, function: str) -> bool:
    """Whether a function's policy lets a service invoke it for a source. Any, where IAM is not enforced."""
    if not enforced():
        return True
    keys = {"aws:sourcearn": source, "aws:sourceaccount": source.split(":")[4]}
    context = _context(
        "lambda:InvokeFunction",
        function,
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        service_context=keys,
    )
    return iam_evaluator.evaluate_resource_policy(policy, context, service=service).decision == "Allow"


def send(queue: str, body: str, attributes: Mapping[str, object] | None = None) -> None:
    """Send to a queue, by its ARN. A number among the attributes is sent as one, the rest as text.

    Raises what MiniStack's SQS raises where the queue is gone or refuses the message.
    """
    sqs._act_send_message(
        {
            "QueueUrl": sqs._queue_url(queue.rsplit(":", 1)[-1]),
            "MessageBody": body,
            "MessageAttributes": {
                name: {"DataType": "Number" if isinstance(value, int) else "String", "StringValue": str(value)}
                for name, value in (attributes or {}).items()
            },
        },
        "",
    )


def _context(action: str, resource: str, **principal):
    region = resource.split(":")[3]
    return iam_evaluator.EvalContext(action=action, resource_arn=resource, region=region, **principal)
