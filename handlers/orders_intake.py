"""The function that accepts orders at once, to be stored later: POST /orders/async.

202 means that SQS has the order. Whatever else happens is an error that says
so; the client may hand the order in again, twice the same under an orderId of
its own.
"""

import os
import time
from urllib.parse import quote

from domain import flags, messages, orders, strict_json, validation
from handlers import clients, configuration, http, telemetry
from handlers.http import Request, Response
from handlers.queue_batches import text

POLL_AFTER_SECONDS = 1


def handler(event: dict, context: object) -> dict:
    return http.serve(event, context, OPERATIONS)


def submit_order(request: Request) -> Response:
    config = configuration.api_config()
    now = time.time_ns() // 1_000_000
    submission = validation.order_submission(request.json(), config["maxItemsPerOrder"], now)
    features = flags.enabled(configuration.feature_flags(), submission["customerId"])
    orders.check_acceptable(submission, features)
    message = messages.new_message(submission, now=now, source="pipeline", features=features)
    message_id = _send(message, request.request_id, config)
    telemetry.order_accepted(message["orderId"], message_id)
    return _accepted(message, message_id)


def _send(message: dict, correlation_id: str, config: dict[str, int]) -> str:
    """Put `message` on the queue; the message id that SQS gave it. Raises botocore's exceptions."""
    attributes = {"priority": message["priority"], "source": message["source"], "correlationId": correlation_id}
    response = clients.sqs(config["defaultTimeout"], config["retryAttempts"]).send_message(
        QueueUrl=os.environ["ORDER_QUEUE_URL"],
        MessageBody=strict_json.dumps(message),
        MessageAttributes={name: text(value) for name, value in attributes.items()},
        MessageSystemAttributes=_trace(),
    )
    return response["MessageId"]


def _trace() -> dict:
    header = os.environ.get("_X_AMZN_TRACE_ID")
    return {"AWSTraceHeader": text(header)} if header else {}


def _accepted(message: dict, message_id: str) -> Response:
    body = {
        "orderId": message["orderId"],
        "timestamp": message["timestamp"],
        "status": "accepted",
        "messageId": message_id,
    }
    # From .../orders/async to .../orders/{id}; quoted, because "a:b" would be read as a URL of scheme "a".
    location = quote(message["orderId"], safe="")
    return Response(202, body, {"Location": location, "Retry-After": str(POLL_AFTER_SECONDS)})


OPERATIONS = {"submitOrder": submit_order}

clients.warm_up(clients.sqs)
validation.warm_up("OrderSubmission")
