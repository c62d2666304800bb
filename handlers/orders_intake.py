"""The function that accepts orders for storing them later: POST /orders/async.

202 means that SQS has the order. After an error, a client may send the order again, safely if it chose an orderId or
sends the same Idempotency-Key.
"""

import os
import time

from domain import admission, claims, flags, messages, parameters, strict_json, validation
from domain.errors import OrderError
from handlers import clients, configuration, http, telemetry
from handlers.http import Request, Response
from handlers.queue_batches import text, trace_attribute
from handlers.repository import orders_table

POLL_AFTER_SECONDS = 1


def handler(event: dict, context: object) -> dict:
    return http.serve(event, context, OPERATIONS)


def submit_order(request: Request) -> Response:
    config = configuration.api_config()
    now = time.time_ns() // 1_000_000
    submission = _named(validation.order_submission(request.json(), now), request)
    features = flags.enabled(configuration.feature_flags(), submission["customerId"])
    refusal = admission.refusal(submission, config["maxItemsPerOrder"], features)
    if refusal is not None:
        return _accepted_before(request, submission, refusal, config)
    order = messages.accepted(submission, now=now, source="pipeline", features=features, **request.caller.owned)
    message_id = _send(order, request.request_id, config)
    telemetry.order_accepted(order["orderId"], message_id)
    return _accepted(request, order["orderId"], order["timestamp"], messageId=message_id)


def _named(submission: dict, request: Request) -> dict:
    """Return `submission` with the platform's id of the order: of the one that was chosen, or from an Idempotency-Key.

    Raises OrderError("invalid_request") if the submission has an orderId too.
    """
    key = parameters.idempotency_key(request.headers.get("idempotency-key"))
    chosen = submission.get("orderId")
    if key is None:
        return submission if chosen is None else {**submission, "orderId": request.caller.qualified(chosen)}
    if chosen is not None:
        raise OrderError("invalid_request", ["Idempotency-Key: send either the header or an orderId, not both"])
    return {**submission, "orderId": claims.keyed_order_id(request.caller.scope, key)}


def _accepted_before(request: Request, submission: dict, refusal: OrderError, config: dict[str, int]) -> Response:
    """Return 202 again, without a message, for a stored order that the current settings would refuse.

    Raises OrderError for any other order.
    """
    if "orderId" not in submission:
        raise refusal
    claim = orders_table(config).claim(submission["orderId"])
    claim = admission.check_accepted_before(submission, claim, refusal)
    telemetry.order_duplicate(order_id=claim["orderId"])
    return _accepted(request, claim["orderId"], claim["orderTimestamp"])


def _send(order: dict, correlation_id: str, config: dict[str, int]) -> str:
    """Send `order` to the queue; return the id of its message. Raises botocore's exceptions."""
    attributes = {"priority": order["priority"], "source": order["source"], "correlationId": correlation_id}
    response = clients.sqs(config["defaultTimeout"], config["retryAttempts"]).send_message(
        QueueUrl=os.environ["ORDER_QUEUE_URL"],
        MessageBody=messages.write([strict_json.dumps(order)]),
        MessageAttributes={name: text(value) for name, value in attributes.items()},
        MessageSystemAttributes=trace_attribute(os.environ.get("_X_AMZN_TRACE_ID")),
    )
    return response["MessageId"]


def _accepted(request: Request, order_id: str, timestamp: int, **more: str) -> Response:
    body = {"orderId": request.caller.unqualified(order_id), "timestamp": timestamp, "status": "accepted", **more}
    headers = {"Location": http.location(request, order_id), "Retry-After": str(POLL_AFTER_SECONDS)}
    return Response(202, body, headers)


OPERATIONS = {"submitOrder": submit_order}

clients.warm_up(clients.sqs)
validation.warm_up("OrderSubmission")
