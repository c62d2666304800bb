"""Bugs to plant into the real handlers: `BUGS` maps the function that returns the patch to the rules that it breaks."""

from decimal import Decimal
from itertools import count
from unittest.mock import patch

from domain import callers, claims, events, orders
from domain.errors import OrderError, UnknownFormat
from handlers import (
    bulk,
    clients,
    dead_letters,
    orders_events,
    orders_import,
    orders_intake,
    orders_worker,
    queue_batches,
    repository,
    visibility,
)
from tests.simulation.checker import (
    ANNOUNCED,
    AS_ACCEPTED,
    CLAIMED,
    IN_ORDER,
    ISOLATED,
    LIVES,
    NOT_LOST,
    ONLY_STORED,
    REFUSED,
    REPORTED,
    SAME_ANSWER,
    STORED_ONCE,
    TOTAL,
    UNCHANGED,
)


def condition_dropped():
    """The condition of a put is missing: a redelivery overwrites an order."""
    original = repository.OrdersTable.put_if_absent

    def put(self, document):
        made = {**original(self, document)}
        del made["ConditionExpression"]
        return made

    return patch.object(repository.OrdersTable, "put_if_absent", put)


def acknowledged_before_stored():
    """The worker answers that all is well, whatever happened."""
    return patch.object(orders_worker, "_answer", lambda batch: {"batchItemFailures": []})


def claim_without_order():
    """The worker writes the claim, and then the order, in two calls."""

    def transact(table, entries, ttl_days):
        for _, order in entries:
            for document in bulk._documents(order, ttl_days):
                table.client.transact_write_items(TransactItems=[{"Put": table.put_if_absent(document)}])
        return bulk._all(bulk.STORED, entries), []

    return patch.object(bulk, "_transact", transact)


def rejected_order_dropped():
    """A dead letter that could not be sent is not reported as failed."""
    original = dead_letters.send

    def send(*arguments):
        original(*arguments)
        return set()

    return patch.object(dead_letters, "send", send)


def failure_missing():
    """The partial batch response lacks the last of several failures."""
    original = orders_worker._answer

    def answer(batch):
        made = original(batch)
        failures = made["batchItemFailures"]
        return {"batchItemFailures": failures[:-1] if len(failures) > 1 else failures}

    return patch.object(orders_worker, "_answer", answer)


def published_before_version_check():
    """The command function announces a change of status before the table has accepted it."""
    original = repository.OrdersTable.set_status

    def set_status(self, order_id, timestamp, status, **options):
        order = self.get(order_id, timestamp, options["caller"])
        if order is not None:
            after = {**order, "status": status, "version": order["version"] + 1}
            entry = orders_events._entry(
                0,
                events.announcement(order, after)
                or {**after, "eventId": f"{order_id}:{after['version']}", "eventType": "OrderStatusChanged"},
            )
            clients.sns().publish_batch(TopicArn="topic", PublishBatchRequestEntries=[entry])
        return original(self, order_id, timestamp, status, **options)

    return patch.object(repository.OrdersTable, "set_status", set_status)


def continuation_counted_twice():
    """A continuation counts the records of the invocations before it once more."""
    original = orders_import.imports.resumed

    def resumed(document):
        progress = original(document)
        progress.read *= 2
        progress.rejected *= 2
        return progress

    return patch.object(orders_import.imports, "resumed", resumed)


def seen_messages_skipped():
    """A process acknowledges a message that it has seen before, without a look at the table."""
    original, seen = orders_worker._store, set()

    def store(batch, deadline):
        again = {index for index, record in enumerate(batch.records) if record["messageId"] in seen}
        seen.update(record["messageId"] for record in batch.records)
        for key in [key for key in batch.orders if key.record in again]:
            del batch.orders[key]
        original(batch, deadline)

    return patch.object(orders_worker, "_store", store)


def unconfirmed_event_counted():
    """An entry of PublishBatch that failed alone counts as published."""
    original = orders_events._publish

    def publish(chunk):
        failed = original(chunk)
        return None if failed != chunk[0][0] else failed

    return patch.object(orders_events, "_publish", publish)


def later_events_published():
    """The events behind one that failed are published in the same invocation."""

    def publish_all(announcements):
        failures = [orders_events._publish(chunk) for chunk in orders_events._chunks(announcements)]
        return next((failed for failed in failures if failed is not None), None)

    return patch.object(orders_events, "_publish_all", publish_all)


def claim_expires_early():
    """The claim of an order does not outlive it: the time to live is shorter than the retries."""
    original = claims.order_claim

    def order_claim(order, ttl_days):
        return {**original(order, ttl_days), "expiresAt": order["updatedAt"] // 1000 + 3600}

    return patch.object(claims, "order_claim", order_claim)


def report_lost_at_continuation():
    """A continuation does not know the rejected records of the invocations before it."""
    original = orders_import.imports.continuation
    return patch.object(orders_import.imports, "continuation", lambda rest: {**original(rest), "ranges": []})


def newer_message_refused():
    """A message of a newer version is refused instead of tried again."""
    original = orders_worker._valid

    def valid(read):
        try:
            return original(read)
        except UnknownFormat:
            raise OrderError("invalid_request") from None

    return patch.object(orders_worker, "_valid", valid)


def conflict_taken_for_duplicate():
    """Another order with the same id counts as stored."""
    return patch.object(bulk, "_verdict", lambda order, refusal: bulk.DUPLICATE)


def accepted_without_confirmation():
    """The intake answers 202 although the queue has not confirmed."""
    original = orders_intake._send

    def send(order, correlation_id, config):
        try:
            return original(order, correlation_id, config)
        except Exception:
            return "message"

    return patch.object(orders_intake, "_send", send)


def failed_entry_counted():
    """An entry of SendMessageBatch that failed alone counts as sent."""
    original = queue_batches._call

    def call(client, queue_url, entries):
        _, refusals, error = original(client, queue_url, entries)
        return {queue_batches._id(entry) for entry in entries} if error is None else set(), refusals, error

    return patch.object(queue_batches, "_call", call)


def key_forgotten():
    """An Idempotency-Key has no effect."""
    original = claims.idempotency_claim

    def idempotency_claim(scope, key, order):
        return original(scope, f"{key}-{order['orderId']}", order)

    return patch.object(claims, "idempotency_claim", idempotency_claim)


def quantity_ignored():
    """The total counts each item once."""
    return patch.object(
        orders.pricing, "total", lambda order: sum((item["price"] for item in order["items"]), Decimal(0))
    )


def attributes_lost():
    """A dead letter lacks the attributes of its message: redriven, it has no correlation id."""
    original = dead_letters._entry
    bare = lambda sent: sent._replace(record={**sent.record, "messageAttributes": {}})  # noqa: E731
    return patch.object(dead_letters, "_entry", lambda id_, sent: original(id_, bare(sent)))


def flags_of_another_moment():
    """The worker asks for the flags of now, not those of the moment of acceptance."""
    original = orders_worker.messages.order_of
    later = lambda message, **options: original({**message, "features": None}, **options)  # noqa: E731
    return patch.object(orders_worker.messages, "order_of", later)


def customer_of_another_message():
    """All orders of a batch have the customer of the first."""
    original = orders_worker._store

    def store(batch, deadline):
        for key in batch.orders:
            first = next(iter(batch.orders.values()))
            batch.orders[key] = {**batch.orders[key], "customerId": first["customerId"]}
        original(batch, deadline)

    return patch.object(orders_worker, "_store", store)


def repeated_change_refused():
    """A change of status does not know that it is repeated."""
    numbers = count()
    return patch.object(claims, "change_id", lambda scope, key, status: f"change-{next(numbers)}")


def life_not_extended():
    """A change of status lets an order expire within an hour."""
    original = repository.OrdersTable.set_status

    def set_status(self, *order, **change):
        return original(self, *order, **{**change, "expires_at": change["now"] // 1000 + 3600})

    return patch.object(repository.OrdersTable, "set_status", set_status)


def partner_not_compared():
    """The condition of a change lacks the partner: who knows an order's id changes it."""
    return patch.object(visibility, "condition", lambda caller: ("", {}))


def ids_not_qualified():
    """Partners that choose the same id choose the same order."""
    return patch.object(callers.Caller, "qualified", lambda self, order_id: order_id)


BUGS = {
    partner_not_compared: {ISOLATED},
    ids_not_qualified: {ISOLATED, NOT_LOST},
    condition_dropped: {STORED_ONCE, UNCHANGED},
    acknowledged_before_stored: {NOT_LOST},
    claim_without_order: {CLAIMED},
    rejected_order_dropped: {NOT_LOST},
    failure_missing: {NOT_LOST},
    published_before_version_check: {ONLY_STORED, IN_ORDER},
    continuation_counted_twice: {REPORTED},
    seen_messages_skipped: {NOT_LOST},
    unconfirmed_event_counted: {ANNOUNCED, IN_ORDER},
    later_events_published: {IN_ORDER},
    claim_expires_early: {LIVES, STORED_ONCE},
    report_lost_at_continuation: {REPORTED},
    newer_message_refused: {REFUSED},
    conflict_taken_for_duplicate: {NOT_LOST},
    accepted_without_confirmation: {NOT_LOST},
    failed_entry_counted: {REPORTED},
    key_forgotten: {STORED_ONCE, SAME_ANSWER},
    quantity_ignored: {TOTAL},
    attributes_lost: {REFUSED},
    flags_of_another_moment: {AS_ACCEPTED},
    customer_of_another_message: {AS_ACCEPTED},
    repeated_change_refused: {SAME_ANSWER},
    life_not_extended: {LIVES},
}
