"""The ingestion paths, each as the steps of one test order."""

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from functools import partial
from urllib.parse import urljoin

from config import names
from contract.imports import COMPLETED, RUNNING, UPLOAD_PREFIX, report_key
from deployer.aws import object_versions
from deployer.aws.session import Aws
from operations.imports import file_import
from operations.imports.file_import import Upload
from operations.smoke.checks import Check, SmokeOrder, Step, Unexpected, equal, eventually, expect, made
from operations.smoke.rest import Answer, Api

SYNCHRONOUS, ASYNCHRONOUS, IMPORT, EVENTS = PATHS = ("synchronous", "asynchronous", "import", "events")


def new_customer() -> str:
    return names.SMOKE + secrets.token_hex(6)


def run(aws: Aws, api: Api, outputs: Mapping[str, str], customer: str, paths=PATHS, clock=time) -> Iterator[Check]:
    """Yield each check when it is done. A path ends at its first failure; its order is cancelled, the other paths run."""
    for path in paths:
        test = SmokeOrder(customer)
        steps = STEPS[path](aws, api, outputs, test, clock)
        for name, step in steps:
            check = made(path, name, step, test, clock)
            yield check
            if not check.ok:
                break
        if test.stored:
            yield made(path, "cancel it", partial(cancel, api, test), test, clock)


def _synchronous(aws: Aws, api: Api, outputs: Mapping[str, str], test: SmokeOrder, clock) -> list[Step]:
    def place() -> None:
        placed = expect(api.call("POST", "/orders", test.order()), 201)
        test.id, test.etag = str(placed.document.get("orderId", "")), placed.headers.get("etag", "")
        test.stored = bool(test.id)
        if not (test.id and test.etag):
            raise Unexpected("an orderId and an ETag", placed.brief(), placed.request_id)

    def change() -> None:
        if_match = {"If-Match": test.etag}
        changed = expect(api.call("PUT", f"/orders/{test.id}", {"status": "processing"}, if_match), 200)
        equal(changed, "status", "processing")

    def listed() -> None:
        """The index is eventually consistent."""

        def look() -> Answer:
            return expect(api.call("GET", f"/orders/customer/{test.customer}"), 200)

        def found(answer: Answer) -> bool:
            return any(order.get("orderId") == test.id for order in answer.document.get("orders", ()))

        eventually(look, found, f"order {test.id} in the customer's list", clock)

    return [
        ("place it: POST /orders", place),
        ("read it: GET /orders/{orderId}", lambda: _read(api, test)),
        ("change it: PUT /orders/{orderId}, If-Match", change),
        ("list it: GET /orders/customer/{customerId}", listed),
    ]


def _asynchronous(aws: Aws, api: Api, outputs: Mapping[str, str], test: SmokeOrder, clock) -> list[Step]:
    test.id = _own_id()
    location = ""

    def submit() -> None:
        nonlocal location
        accepted = expect(api.call("POST", "/orders/async", test.order()), 202)
        if "location" not in accepted.headers:
            raise Unexpected("a Location", "none", accepted.request_id)
        location = urljoin(f"{api.url}/orders/async", accepted.headers["location"]).removeprefix(api.url)

    return [
        ("submit it: POST /orders/async", submit),
        ("wait for it: GET Location", lambda: _stored(api, test, location, clock)),
    ]


def _import(aws: Aws, api: Api, outputs: Mapping[str, str], test: SmokeOrder, clock) -> list[Step]:
    test.id = _own_id()
    s3, bucket, key = aws.client("s3"), outputs["UploadBucketName"], f"{UPLOAD_PREFIX}{test.id}.jsonl"
    about = Upload(bucket, key, "")

    def upload() -> None:
        nonlocal about
        body = json.dumps(test.order()).encode()
        about = Upload(bucket, key, s3.put_object(Bucket=bucket, Key=key, Body=body).get("VersionId", ""))
        if not about.version:
            raise Unexpected("a version of the file", "a bucket that keeps none")

    def report() -> None:
        def is_final(found: Mapping | None) -> bool:
            return found is not None and found["status"] != RUNNING

        final = eventually(lambda: file_import.report_on(s3, about), is_final, "a report on the file", clock)
        if (final["status"], final["queued"]) != (COMPLETED, 1):
            reasons = ", ".join(final["reasons"]) or "no reason given"
            raise Unexpected("1 order queued", f"{final['queued']} ({final['status']}; {reasons})")

    def remove() -> None:
        """Delete the file after its import has ended: deleting it earlier would fail the import."""
        for each in (about.key, report_key(about.key, about.version)):
            object_versions.delete(s3, bucket, prefix=each)

    return [
        ("upload it: a file under orders/", upload),
        ("wait for the report", report),
        ("wait for it: GET /orders/{orderId}", lambda: _stored(api, test, f"/orders/{test.id}", clock)),
        ("remove the file and its report", remove),
    ]


def _events(aws: Aws, api: Api, outputs: Mapping[str, str], test: SmokeOrder, clock) -> list[Step]:
    """Check the stream's event source: receiving events would need a subscription."""

    def reading() -> None:
        function = names.live(outputs["OrdersEventsFunction"])
        found = aws.client("lambda").list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
        for mapping in found:
            result = mapping.get("LastProcessingResult", "")
            if mapping["State"] != "Enabled" or result.startswith("PROBLEM"):
                raise Unexpected(
                    "an enabled event source on the table's stream", f"{mapping['State']}, {result or 'no result'}"
                )
        if not found:
            raise Unexpected("an enabled event source on the table's stream", "no event source")

    return [("the table's stream is consumed (delivery to subscribers is not checked)", reading)]


def _own_id() -> str:
    return names.SMOKE + secrets.token_hex(8)


def _read(api: Api, test: SmokeOrder) -> None:
    found = expect(api.call("GET", f"/orders/{test.id}"), 200)
    for field, value in (("orderId", test.id), ("customerId", test.customer), ("status", "pending")):
        equal(found, field, value)


def _stored(api: Api, test: SmokeOrder, path: str, clock) -> None:
    def look() -> Answer:
        answer = api.call("GET", path)
        return answer if answer.status == 404 else expect(answer, 200)

    stored = eventually(look, lambda answer: answer.status == 200, f"order {test.id} to be stored", clock)
    test.stored = True
    equal(stored, "customerId", test.customer)


def cancel(api: Api, test: SmokeOrder) -> None:
    cancelled = expect(api.call("PUT", f"/orders/{test.id}", {"status": "cancelled"}), 200)
    equal(cancelled, "status", "cancelled")


STEPS = {SYNCHRONOUS: _synchronous, ASYNCHRONOUS: _asynchronous, IMPORT: _import, EVENTS: _events}
