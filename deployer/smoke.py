"""Does a deployment do its work? One marked test order by each way in, followed to the table and back. Shows nothing.

A test order is known by its customer, `SMOKE-` and something random, and costs 0.01. It ends cancelled, and expires
like any other. Until then it is an order: it counts in the metrics, and subscribers of order events hear of it.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

from contract.imports import COMPLETED, RUNNING, UPLOAD_PREFIX, report_key
from deployer import imports
from deployer.aws import service_errors
from deployer.imports import Upload
from deployer.rest import Answer, Api
from deployer.stacks import removal

MARK = "SMOKE-"
SYNCHRONOUS, ASYNCHRONOUS, IMPORT, EVENTS = PATHS = ("synchronous", "asynchronous", "import", "events")

PATIENCE = 60.0
"""Seconds until what the platform does by itself must have been done. A cold start of all functions takes about 5."""

FIRST_PAUSE, LONGEST_PAUSE, _GROWTH = 0.1, 2.0, 1.5
"""Seconds between two looks; each is longer than the one before."""


@dataclass(frozen=True)
class Check:
    """One thing that was tried. `detail`: what was expected and what came; "" when all is well.
    `order_id`: the one that it was about, as far as it had one."""

    path: str
    name: str
    ok: bool
    milliseconds: float
    detail: str = ""
    request_id: str = ""
    order_id: str = ""


class Unexpected(Exception):
    """Something else than expected: what, what came instead, and the request's id where there was an answer."""

    def __init__(self, expected: str, found: str, request_id: str = ""):
        super().__init__(f"expected {expected}, found {found}")
        self.request_id = request_id


@dataclass
class Trial:
    """A test order on its way. `id` is "" until it is known; `stored`: it can be read, so it can be cancelled."""

    customer: str
    id: str = ""
    etag: str = ""
    stored: bool = False

    def order(self) -> dict:
        named = {"orderId": self.id} if self.id else {}
        return {
            **named,
            "customerId": self.customer,
            "items": [{"productId": "smoke-test", "quantity": 1, "price": 0.01}],
            "deliveryAddress": {"street": "Smoke test, do not deliver", "city": "Nowhere", "zipCode": "00000"},
        }


Step = tuple[str, Callable[[], None]]
"""What it is called, and what does it; raises Unexpected, or what AWS and the network raise."""


def new_customer() -> str:
    return MARK + secrets.token_hex(6)


def run(aws, api: Api, outputs: Mapping[str, str], customer: str, paths=PATHS, clock=time) -> Iterator[Check]:
    """Each check as soon as it is made. A path ends at its first failure, but its order is cancelled all the same;
    the other paths are gone all the same, too."""
    for path in paths:
        trial = Trial(customer)
        steps = _STEPS[path](aws, api, outputs, trial, clock)
        for name, step in steps:
            check = _made(path, name, step, trial, clock)
            yield check
            if not check.ok:
                break
        if trial.stored:
            yield _made(path, "cancel it", lambda trial=trial: _cancel(api, trial), trial, clock)


def _made(path: str, name: str, step: Callable[[], None], trial: Trial, clock) -> Check:
    started = clock.monotonic()
    try:
        step()
        problem, request_id = "", ""
    except Unexpected as unexpected:
        problem, request_id = str(unexpected), unexpected.request_id
    except Exception as error:
        explained = service_errors.explain(error)
        if explained is None:
            raise
        problem, request_id = explained.message, ""
    took = (clock.monotonic() - started) * 1000
    return Check(path, name, not problem, round(took, 1), problem, request_id, trial.id)


def _synchronous(aws, api: Api, outputs: Mapping[str, str], trial: Trial, clock) -> list[Step]:
    def place() -> None:
        placed = _expect(api.call("POST", "/orders", trial.order()), 201)
        trial.id, trial.etag, trial.stored = placed.document["orderId"], placed.headers.get("etag", ""), True

    def change() -> None:
        headers = {"If-Match": trial.etag} if trial.etag else {}
        changed = _expect(api.call("PUT", f"/orders/{trial.id}", {"status": "processing"}, headers), 200)
        _equal(changed, "status", "processing")

    def listed() -> None:
        """The index follows the table a moment later."""

        def look() -> Answer:
            return _expect(api.call("GET", f"/orders/customer/{trial.customer}"), 200)

        def found(answer: Answer) -> bool:
            return any(order["orderId"] == trial.id for order in answer.document.get("orders", ()))

        _eventually(look, found, f"order {trial.id} in the customer's list", clock)

    return [
        ("place it: POST /orders", place),
        ("read it: GET /orders/{orderId}", lambda: _read(api, trial)),
        ("change it: PUT /orders/{orderId}, If-Match", change),
        ("list it: GET /orders/customer/{customerId}", listed),
    ]


def _asynchronous(aws, api: Api, outputs: Mapping[str, str], trial: Trial, clock) -> list[Step]:
    trial.id = _own_id()
    location = ""

    def submit() -> None:
        nonlocal location
        accepted = _expect(api.call("POST", "/orders/async", trial.order()), 202)
        if "location" not in accepted.headers:
            raise Unexpected("a Location", "none", accepted.request_id)
        location = urljoin(f"{api.url}/orders/async", accepted.headers["location"]).removeprefix(api.url)

    return [
        ("hand it in: POST /orders/async", submit),
        ("wait for it: GET Location", lambda: _stored(api, trial, location, clock)),
    ]


def _import(aws, api: Api, outputs: Mapping[str, str], trial: Trial, clock) -> list[Step]:
    trial.id = _own_id()
    s3, bucket, key = aws.client("s3"), outputs["UploadBucketName"], f"{UPLOAD_PREFIX}{trial.id}.jsonl"
    about = Upload(bucket, key, "")

    def upload() -> None:
        nonlocal about
        body = json.dumps(trial.order()).encode()
        about = Upload(bucket, key, s3.put_object(Bucket=bucket, Key=key, Body=body).get("VersionId", ""))
        if not about.version:
            raise Unexpected("a version of the file", "a bucket that keeps none")

    def report() -> None:
        def is_final(found: Mapping | None) -> bool:
            return found is not None and found["status"] != RUNNING

        final = _eventually(lambda: imports.report_on(s3, about), is_final, "a report on the file", clock)
        if (final["status"], final["queued"]) != (COMPLETED, 1):
            reasons = ", ".join(final["reasons"]) or "no reason given"
            raise Unexpected("1 order queued", f"{final['queued']} ({final['status']}; {reasons})")

    def remove() -> None:
        """Only what was read to its end: taking a file from under an import would make that fail."""
        for each in (about.key, report_key(about.key, about.version)):
            removal.empty(s3, bucket, prefix=each)

    return [
        ("upload it: a file under orders/", upload),
        ("wait for the report", report),
        ("wait for it: GET /orders/{orderId}", lambda: _stored(api, trial, f"/orders/{trial.id}", clock)),
        ("remove the file and its report", remove),
    ]


def _events(aws, api: Api, outputs: Mapping[str, str], trial: Trial, clock) -> list[Step]:
    """As far as it can be seen without subscribing to the topic."""

    def reading() -> None:
        function = outputs["OrdersEventsFunction"]
        found = aws.client("lambda").list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
        for mapping in found:
            result = mapping.get("LastProcessingResult", "")
            if mapping["State"] != "Enabled" or result.startswith("PROBLEM"):
                raise Unexpected("the table's stream to be read", f"{mapping['State']}, {result or 'no result'}")
        if not found:
            raise Unexpected("the table's stream to be read", "no event source")

    return [("the table's stream is read (whether subscribers hear is not seen from here)", reading)]


_STEPS = {SYNCHRONOUS: _synchronous, ASYNCHRONOUS: _asynchronous, IMPORT: _import, EVENTS: _events}


def _own_id() -> str:
    return MARK + secrets.token_hex(8)


def _read(api: Api, trial: Trial) -> None:
    found = _expect(api.call("GET", f"/orders/{trial.id}"), 200)
    for field, value in (("orderId", trial.id), ("customerId", trial.customer), ("status", "pending")):
        _equal(found, field, value)


def _stored(api: Api, trial: Trial, place: str, clock) -> None:
    def look() -> Answer:
        answer = api.call("GET", place)
        return answer if answer.status == 404 else _expect(answer, 200)

    stored = _eventually(look, lambda answer: answer.status == 200, f"order {trial.id} to be stored", clock)
    trial.stored = True
    _equal(stored, "customerId", trial.customer)


def _cancel(api: Api, trial: Trial) -> None:
    cancelled = _expect(api.call("PUT", f"/orders/{trial.id}", {"status": "cancelled"}), 200)
    _equal(cancelled, "status", "cancelled")


def _expect(answer: Answer, status: int) -> Answer:
    if answer.status != status:
        raise Unexpected(str(status), answer.brief(), answer.request_id)
    return answer


def _equal(answer: Answer, field: str, value: object) -> None:
    found = answer.document.get(field)
    if found != value:
        raise Unexpected(f"{field} {value!r}", repr(found), answer.request_id)


def _eventually(look: Callable, done: Callable[..., bool], expected: str, clock):
    """The first answer that is done; Unexpected after PATIENCE."""
    deadline, pause = clock.monotonic() + PATIENCE, FIRST_PAUSE
    while not done(answer := look()):
        if clock.monotonic() > deadline:
            raise Unexpected(f"{expected} within {PATIENCE:.0f} s", "nothing", getattr(answer, "request_id", ""))
        clock.sleep(pause)
        pause = min(pause * _GROWTH, LONGEST_PAUSE)
    return answer
