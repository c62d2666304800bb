"""What SQS, Lambda, DynamoDB's stream and SNS do between an accepted order and its announcement."""

import json
from urllib.parse import urlsplit

from conformance import limits, stackless
from conformance.environment import Environment
from conformance.probe import expect, holds, reads, writes


def _subscribed(environment: Environment, **attributes: str) -> str:
    """Subscribe a queue of the probe's own to the platform's events; return the queue's URL."""
    return stackless.subscribed(
        environment.account, environment.outputs["OrderEventsTopicArn"], "subscriber", **attributes
    )


def _events_of(environment: Environment, queue: str, order_id: str, number: int) -> list[dict]:
    """Wait for messages of that many events of the order; repeated ones and those of other orders are dropped."""
    found: dict[str, dict] = {}

    def enough() -> bool:
        for message in stackless.received(environment.account, queue):
            event = json.loads(message["Body"])
            if event.get("orderId") == order_id:
                found[event["eventId"]] = message
        return len(found) >= number

    environment.account.until(enough, f"{number} events of {order_id}", 10)
    return [*found.values()]


@writes("handlers/orders_events.py", "generator/order_events.py", "docs/monitoring.md")
def an_event_is_delivered_raw_with_its_attributes(environment: Environment) -> None:
    """With raw delivery a message of the queue is the event itself, and the event's attributes are the message's."""
    queue = _subscribed(environment)
    order = environment.place().document
    message = _events_of(environment, queue, order["orderId"], 1)[0]
    event, attributes = json.loads(message["Body"]), message.get("MessageAttributes", {})
    expect((event["eventType"], event["eventId"]), ("OrderCreated", f"{order['orderId']}:1"), "eventType and eventId")
    seen = {name: (value["DataType"], value["StringValue"]) for name, value in attributes.items()}
    sent = {"eventType": "OrderCreated", "customerId": order["customerId"], "status": "pending", "source": "api"}
    expect(seen, {name: ("String", value) for name, value in sent.items()}, "attributes")


@writes("handlers/orders_events.py", "generator/order_events.py")
def a_filter_policy_selects_events_by_their_attributes(environment: Environment) -> None:
    """A subscription's filter policy on eventType and customerId lets only matching events through."""
    order = environment.order()
    wanted = {"eventType": ["OrderStatusChanged"], "customerId": [order["customerId"]]}
    queue = _subscribed(environment, FilterPolicy=json.dumps(wanted))
    for _ in range(ROUNDS):
        seen = _filtered(environment, queue, order)
        if seen == {(order["customerId"], "OrderStatusChanged")}:
            return
        limits.pause(environment.account.wait_factor)
    expect(seen, {(order["customerId"], "OrderStatusChanged")}, "customer and eventType of events that arrived")


ROUNDS = 16
"""SNS may take a quarter of an hour until a filter policy takes effect (its developer guide, "Applying a filter policy")."""


def _filtered(environment: Environment, queue: str, order: dict) -> set[tuple[str, str]]:
    """Place and change the order, and one of another customer; return customer and eventType of what arrives."""
    placed = environment.placed(environment.send("POST", "/orders", order)).document["orderId"]
    environment.place()
    expect(environment.send("PUT", f"/orders/{placed}", {"status": "processing"}).status, 200, "status of the change")
    seen: set[tuple[str, str]] = set()

    def changed() -> bool:
        for message in stackless.received(environment.account, queue):
            event = json.loads(message["Body"])
            seen.add((event["customerId"], event["eventType"]))
        return (order["customerId"], "OrderStatusChanged") in seen

    environment.account.until(changed, "the event of the change", 5)
    return seen


@writes("handlers/orders_events.py", "domain/events.py", "generator/event_sources.py")
def each_change_of_an_order_is_announced(environment: Environment) -> None:
    """The stream has an order's old and new image for every change, from which each event follows once or more."""
    queue = _subscribed(environment)
    order_id = environment.place().document["orderId"]
    for status in ("processing", "cancelled"):
        expect(environment.send("PUT", f"/orders/{order_id}", {"status": status}).status, 200, f"status for {status}")
    events = [json.loads(message["Body"]) for message in _events_of(environment, queue, order_id, 3)]
    seen = {(event["eventId"], event.get("previousStatus"), event["status"]) for event in events}
    changes = [(1, None, "pending"), (2, "pending", "processing"), (3, "processing", "cancelled")]
    expect(seen, {(f"{order_id}:{version}", before, after) for version, before, after in changes}, "events")


@writes("handlers/orders_intake.py", "handlers/orders_worker.py", "generator/event_sources.py")
def an_accepted_order_appears_at_its_location(environment: Environment) -> None:
    """What is sent to the order queue reaches the worker, and the order is at the Location of the 202."""
    order_id = environment.new_id()
    accepted = environment.send("POST", "/orders/async", environment.order(orderId=order_id))
    expect(accepted.status, 202, "status of POST /orders/async")
    environment.stored(order_id)
    location, base = accepted.headers.get("Location", ""), urlsplit(environment.outputs["ApiUrl"]).path
    found = environment.call("GET", urlsplit(location).path.removeprefix(base))
    expect(found.document.get("orderId"), order_id, "orderId at the Location")


@writes("handlers/repository.py", "docs/api.md")
def the_index_follows_the_table(environment: Environment) -> None:
    """A stored order is soon in the index of its customer: an index is eventually consistent."""
    order = environment.place().document

    def listed() -> bool:
        answer = environment.call("GET", f"/orders/customer/{order['customerId']}")
        return [each["orderId"] for each in answer.document.get("orders", ())] == [order["orderId"]]

    environment.account.until(listed, "the order is in its customer's list")


@reads("deployer/preflight/concurrency.py")
def a_hundred_executions_stay_unreserved(environment: Environment) -> None:
    """Reserved concurrency is taken from the account's; GetAccountSettings returns what is left, at least 100."""
    limits = environment.client("lambda").get_account_settings()["AccountLimit"]
    total, left = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    reserved = environment.settings.functions.command_reserved_concurrency
    holds(left <= total - reserved and (not reserved or left >= 100), f"100 to {total - reserved} unreserved", left)


@reads("deployer/preflight/warm_throughput.py", "generator/data.py")
def the_warm_throughput_of_a_table_can_be_read(environment: Environment) -> None:
    """DescribeTable returns the warm throughput of a table and of its indexes, also of those that have no setting."""
    found = environment.client("dynamodb").describe_table(TableName=environment.outputs["OrdersTableName"])["Table"]
    each = [found, *found["GlobalSecondaryIndexes"]]
    seen = [part.get("WarmThroughput", {}).get("WriteUnitsPerSecond", 0) for part in each]
    holds(all(units >= 1 for units in seen), "write units per second of the table and each index", seen)
