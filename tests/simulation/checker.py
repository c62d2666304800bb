"""The rules, checked after each step that can break one, and at the end."""

import json
from collections import Counter, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from contract.imports import BROKEN, COMPLETED, RUNNING, report_key
from contract.shards import date_of
from tests.simulation import releases
from tests.simulation.expressions import Item
from tests.simulation.history import Violation
from tests.simulation.queues import Message, Queue

if TYPE_CHECKING:
    from tests.simulation.workload import Order
    from tests.simulation.world import World

STORED_ONCE = "stored exactly once"
UNCHANGED = "never changed by a redelivery"
TOTAL = "the right total"
AS_ACCEPTED = "stored as it was accepted"
LIVES = "an order lives as long as it should, and its claim longer"
CLAIMED = "a claim and its order are written together"
ANNOUNCED = "each stored version is announced"
IN_ORDER = "announced in order"
ONLY_STORED = "only what is stored is announced"
NOT_LOST = "nothing is lost"
REFUSED = "refused messages are dead letters with their reason"
REPORTED = "each record is queued or rejected exactly once in the report"
SAME_ANSWER = "a repeated request has the same answer"
ANSWERS = "no handler fails"
ISOLATED = "a partner sees and changes its own orders only"

SOURCES = {"sync": "api", "async": "pipeline", "import": "import"}
CHANGED_BY_COMMAND = {"status", "version", "updatedAt", "expiresAt", "changeId"}


def _mark_of(order: dict) -> str:
    return order["items"][0]["productId"]


def _stored_of(accepted: dict, attributes: dict) -> dict[str, str]:
    """Return what the item of an accepted order has."""
    kept = ("orderId", "timestamp", "customerId", "priority", "source", "sourceFile", "processedDate", "partner")
    points = {"loyaltyProgram"} & set(accepted["features"])
    return {
        **{name: str(accepted[name]) for name in kept if name in accepted},
        "correlationId": attributes["correlationId"]["StringValue"],
        "has points": str(bool(points)),
    }


def _plain(item: Item) -> dict[str, str]:
    """Return the numbers and texts of an item."""
    plain = {name: str(each.get("S", each.get("N"))) for name, each in item.items() if each.keys() & {"S", "N"}}
    dated = {"processedDate": date_of(plain["processedDate"])} if "processedDate" in plain else {}
    return {**plain, **dated, "has points": str("loyaltyPoints" in plain)}


class Checker:
    def __init__(self, world: "World") -> None:
        self.world = world
        self.orders: dict[str, Order] = {}  # by mark: all that somebody wants
        self.inserted: dict[str, list[str]] = defaultdict(list)  # mark -> ids under which it was stored
        self.versions: dict[str, dict[int, str]] = defaultdict(dict)  # order id -> version -> status
        self.announced_versions: dict[str, set[int]] = defaultdict(set)  # by order id; those given up, too
        self.accepted_marks: dict[str, str] = {}  # mark -> order id of the first answer
        self.files: dict[str, tuple[str, list[Order]]] = {}  # key of the report -> key of the file, its records
        self.finished: set[str] = set()  # keys of reports that were final
        self.late_reports: set[str] = set()  # of these, those that a late write made `running` again
        self.expired: set[str] = set()  # order ids
        self.attributes: dict[str, list[dict]] = defaultdict(list)  # by mark: of the messages with this order
        self.accepted_as: dict[str, list[dict]] = defaultdict(list)  # by mark: what of these messages is stored

    # What somebody wants, and is answered.

    def wants(self, order: "Order") -> None:
        self.orders[order.mark] = order

    def uploaded(self, key: str, orders: "list[Order]") -> None:
        self.files[report_key(key, "v-1")] = key, orders

    def accepted(self, order: "Order", status: int, body: dict) -> None:
        mark, order_id = order.mark, order.platform_id(body["orderId"])
        if not order.valid:
            raise Violation(REFUSED, f"{mark} is not valid, and was accepted")
        if status == 201 and body.get("partner") != order.partner:
            raise Violation(ISOLATED, f"{mark} is {order.partner}'s, and was answered as {body.get('partner')}'s")
        first = self.accepted_marks.setdefault(mark, order_id)
        if first != order_id:
            raise Violation(SAME_ANSWER, f"{mark} was {first} and is now {order_id}")
        if status == 201:
            if order_id not in self.inserted[mark]:
                raise Violation(NOT_LOST, f"{mark} was answered 201 and is not stored")
            if Decimal(str(body["totalAmount"])) != order.total:
                raise Violation(TOTAL, f"{mark} was answered with {body['totalAmount']} instead of {order.total}")
        elif not self._is_somewhere(mark):
            raise Violation(NOT_LOST, f"{mark} was answered 202 and is nowhere")

    def refused(self, order: "Order", status: int, body: dict) -> None:
        code = body["error"]["code"]
        conflict = code == "idempotency_conflict" and order.key is not None
        if not conflict and order.valid:
            raise Violation(REFUSED, f"{order.mark} is valid, and was answered {status} {code}")

    def spied(self, name: str, order_id: str, status: int) -> None:
        if status < 500 and status != 404:
            raise Violation(ISOLATED, f"{name} was answered {status} for {order_id}, which is another's")

    def raised(self, name: str, error: BaseException) -> None:
        if type(error).__name__ != "ImportFailed":
            raise Violation(ANSWERS, f"{name} raised {error!r}") from error

    def change_refused(self, order: "Order", status: str, code: int) -> None:
        if order.order_id is None:  # nobody else changes it
            raise Violation(SAME_ANSWER, f"the change of {order.mark} to {status} was answered {code}")

    # Where orders are.

    def sent(self, queue: Queue, message: Message) -> None:
        """Remember what a message has. A dead letter has the attributes of one."""
        if queue is self.world.queue:
            for mark in message.marks:
                self.attributes[mark].append(message.attributes)
            if message.attributes:
                document = json.loads(message.body)
                for accepted in document.get("orders", [document]):
                    self.accepted_as[_mark_of(accepted)].append(_stored_of(accepted, message.attributes))
        elif queue is self.world.dead_letters:
            kept = {name: each for name, each in message.attributes.items() if not name.startswith("rejection")}
            for mark in sorted(message.marks):
                if kept not in self.attributes[mark]:
                    raise Violation(REFUSED, f"{mark} is a dead letter with the attributes {kept}")

    def _is_somewhere(self, mark: str) -> bool:
        return bool(self.inserted[mark]) or any(
            mark in message.marks
            for queue in (self.world.queue, self.world.dead_letters)
            for message in queue.messages.values()
        )

    def message_deleted(self, queue: Queue, message: Message) -> None:
        for mark in sorted(message.marks):
            if not self._is_somewhere(mark):
                raise Violation(NOT_LOST, f"{mark} is neither stored nor a dead letter, and {message.name} is deleted")

    def changed(self, old: Item | None, new: Item | None) -> None:
        """Check a change of the table."""
        item = new or old or {}
        if new is None:
            self.expired.add(item["orderId"]["S"])
        if item["timestamp"]["N"] == "0":
            if new is not None:
                self.world.scheduler.at(0, lambda: self._claim_has_order(item))
            return
        order_id = item["orderId"]["S"]
        if new is not None:
            self.versions[order_id][int(new["version"]["N"])] = new["status"]["S"]
        if old is None and new is not None:
            self._inserted(order_id, new)
        elif new is not None and old is not None:
            self._modified(order_id, old, new)

    def _claim_has_order(self, claim: Item) -> None:
        order_id = claim.get("claimedOrderId", claim["orderId"])["S"]
        if (order_id, int(claim["orderTimestamp"]["N"])) not in self.world.table.items:
            raise Violation(CLAIMED, f"the claim {claim['orderId']['S']} has no order")

    def _order_has_claim(self, order_id: str) -> None:
        if (order_id, 0) not in self.world.table.items:
            raise Violation(CLAIMED, f"the order {order_id} has no claim")

    def _inserted(self, order_id: str, item: Item) -> None:
        mark = item["items"]["L"][0]["M"]["productId"]["S"]
        order = self.orders[mark]
        if self.inserted[mark]:
            raise Violation(STORED_ONCE, f"{mark} is stored as {order_id} and as {self.inserted[mark]}")
        self.inserted[mark].append(order_id)
        self._check_origin(order, item)
        if Decimal(item["totalAmount"]["N"]) != order.total:
            raise Violation(TOTAL, f"{mark} costs {order.total}, stored as {item['totalAmount']['N']}")
        if not order.valid:
            raise Violation(REFUSED, f"{mark} is not valid, and is stored")
        if not order_id.startswith("fd-"):
            self.world.scheduler.at(0, lambda: self._order_has_claim(order_id))
        self.world.scheduler.at(0, lambda: self._check_expiry(order_id, item))

    def _check_origin(self, order: "Order", item: Item) -> None:
        """An order is what its client or file wants, and what one of its messages says."""
        stored = _plain(item)
        said = self.accepted_as[order.mark] if self.world.actor.startswith("orders_worker") else [stored]
        if stored.get("partner") != order.partner:
            raise Violation(ISOLATED, f"{order.mark} is {order.partner}'s, and stored as {stored.get('partner')}'s")
        if order.order_id and order.path != "sync" and stored["orderId"] != order.platform_id(order.order_id):
            raise Violation(ISOLATED, f"{order.mark} is stored as {stored['orderId']}")
        of_client = stored["source"], stored["customerId"], "sourceFile" in stored
        wanted = SOURCES.get(order.path), f"CUST-{order.quantity}", order.path == "import"
        if order.valid and (of_client != wanted or all(each.items() - stored.items() for each in said)):
            raise Violation(AS_ACCEPTED, f"{order.mark} is stored as {stored}")

    def _check_expiry(self, order_id: str, item: Item) -> None:
        shortest = int(item["updatedAt"]["N"]) // 1000 + min(map(int, releases.TTL_DAYS)) * 86_400
        claim = self.world.table.items.get((order_id, 0), item)
        if not shortest <= int(item["expiresAt"]["N"]) <= int(claim["expiresAt"]["N"]):
            raise Violation(LIVES, f"{order_id} expires at {item['expiresAt']['N']}, claim {claim['expiresAt']['N']}")

    def _modified(self, order_id: str, old: Item, new: Item) -> None:
        differs = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
        one_more = int(new["version"]["N"]) == int(old["version"]["N"]) + 1
        actor = self.world.actor
        if not actor.startswith("orders_command") or not differs <= CHANGED_BY_COMMAND or not one_more:
            raise Violation(UNCHANGED, f"{actor} changed {', '.join(sorted(differs))} of {order_id}")
        self._check_expiry(order_id, new)

    # What is announced.

    def announced(self, text: str) -> None:
        event = json.loads(text)
        order_id, _, version = event["eventId"].rpartition(":")
        self._announced(order_id, int(version), event["status"])

    def record_given_up(self, record: dict) -> None:
        image = record["dynamodb"]["NewImage"]
        self.announced_versions[image["orderId"]["S"]].add(int(image["version"]["N"]))

    def _announced(self, order_id: str, version: int, status: str) -> None:
        if self.versions[order_id].get(version) != status:
            raise Violation(ONLY_STORED, f"version {version} of {order_id} is announced as {status}")
        if any(earlier not in self.announced_versions[order_id] for earlier in range(1, version)):
            raise Violation(IN_ORDER, f"version {version} of {order_id} is announced before an earlier one")
        self.announced_versions[order_id].add(version)

    # Files.

    def report_written(self, key: str, before: bytes, body: bytes) -> None:
        if key not in self.files:
            if before != body:
                raise Violation(REPORTED, f"{key} is overwritten by other rejected records; a report counts the former")
        elif json.loads(body)["status"] != RUNNING:
            self._check_report(json.loads(body), *self.files[key])
            self.finished.add(key)
            self.late_reports.discard(key)
        elif key in self.finished and self.world.process_named(self.world.actor) is None:
            # S3 does not promise the order of a write that its sender gave up and of later ones (docs/importing.md).
            self.late_reports.add(key)

    def _check_report(self, report: dict[str, Any], key: str, orders: "list[Order]") -> None:
        if report["status"] not in (COMPLETED, BROKEN):
            raise Violation(REPORTED, f"the report of {key} is {report['status']}")
        read = report["read"]
        if report["queued"] + report["rejected"] != read or (report["status"] == COMPLETED and read != len(orders)):
            raise Violation(REPORTED, f"{key} has {len(orders)} records; its report counts {read}")
        lines = [
            json.loads(line)
            for name in report["rejectedFiles"]
            for line in self.world.bucket.reports[name].splitlines()
        ]
        rejected = Counter(line["record"] for line in lines)
        if len(lines) != report["rejected"] or len(rejected) != len(lines):
            raise Violation(REPORTED, f"{key} has {report['rejected']} rejected records and {len(lines)} lines of them")
        for number, order in enumerate(orders[:read], 1):
            if number not in rejected and not self._is_somewhere(order.mark):
                raise Violation(REPORTED, f"record {number} of {key} ({order.mark}) was neither queued nor rejected")
            if number in rejected and order.valid and "delivery" not in order.more:
                raise Violation(REPORTED, f"record {number} of {key} ({order.mark}) is valid, and rejected")
            if number not in rejected and not order.valid:
                raise Violation(REPORTED, f"record {number} of {key} ({order.mark}) is not valid, and queued")

    # The end.

    def at_the_end(self) -> None:
        world = self.world
        if world.queue.messages:
            raise Violation(NOT_LOST, f"still on the queue: {next(iter(world.queue.messages.values())).name}")
        letters: dict[str, list[str]] = defaultdict(list)
        for letter in world.dead_letters.messages.values():
            reason = letter.attributes.get("rejectionReason", {}).get("StringValue", "")
            for mark in letter.marks:
                letters[mark].append(reason)
        for mark, order in self.orders.items():
            self._check_end(mark, order, letters[mark])
        for order_id, versions in self.versions.items():
            missing = versions.keys() - self.announced_versions[order_id]
            if missing:
                raise Violation(ANNOUNCED, f"version {min(missing)} of {order_id} is not announced")
        for key, (file, orders) in self.files.items():
            if key in self.late_reports:
                continue
            body = world.bucket.reports.get(key)
            report = json.loads(body) if body else {"status": "missing"}
            self._check_report(report, file, orders)

    def _check_end(self, mark: str, order: "Order", reasons: list[str]) -> None:
        ids = self.inserted[mark]
        for reason in reasons:
            conflict = reason == "order_conflict" and not ids
            if not conflict and not (reason == "invalid_request" and not order.valid):
                raise Violation(REFUSED, f"{mark} is a dead letter with the reason {reason!r}")
        if order.path == "garbage" and not reasons:
            raise Violation(REFUSED, f"{mark} is no dead letter")
        if mark in self.accepted_marks and not ids and not reasons:
            raise Violation(NOT_LOST, f"{mark} was accepted and is nowhere")
        for order_id in ids:
            if order_id not in self.expired and (order_id not in {key[0] for key in self.world.table.items if key[1]}):
                raise Violation(NOT_LOST, f"{mark} was stored and is gone")
