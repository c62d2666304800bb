"""The smoke test against a small platform in memory, in order and out of order in each of its parts."""

import json
from types import SimpleNamespace

import pytest

from contract.imports import report_key
from operations.smoke import paths
from operations.smoke.rest import Answer

OUTPUTS = {"UploadBucketName": "uploads", "OrdersEventsFunction": "events"}


class Clock:
    """Time that passes only by sleeping."""

    now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Platform:
    """API, bucket and functions. `broken`: names of what does not work. `late`: looks until an order is stored."""

    url = "https://api.example/dev"

    def __init__(self, *broken, late=2):
        self.broken, self.late = set(broken), late
        self.orders, self.handed_in, self.looks, self.files, self.calls = {}, {}, {}, {}, []

    # the API
    def call(self, method, path, document=None, headers=None):
        self.calls.append((method, path))
        route = f"{method} {path}"
        if route in self.broken:
            return Answer(0, "no answer (ReadTimeoutError: too late)")
        if route == "POST /orders":
            return self._place("fd-1", document)
        if route == "POST /orders/async":
            self.handed_in[document["orderId"]] = document
            return self._answer(202, {"orderId": document["orderId"]}, location=f"./{document['orderId']}")
        if path.startswith("/orders/customer/"):
            mine = [order for order in self.orders.values() if order["customerId"] == path.rsplit("/", 1)[1]]
            return self._answer(200, {"orders": [] if "index" in self.broken else mine})
        order_id = path.rsplit("/", 1)[1]
        if method == "PUT":
            return self._change(order_id, document, headers)
        return self._get(order_id)

    def _place(self, order_id, document):
        self.orders[order_id] = {**document, "orderId": order_id, "status": "pending", "version": 1}
        return self._answer(201, self.orders[order_id], etag='"1"')

    def _change(self, order_id, document, headers):
        order = self.orders[order_id]
        if headers and headers["If-Match"] != f'"{order["version"]}"':
            return self._answer(412, {"error": {"code": "version_mismatch", "requestId": "req-412"}})
        if "PUT" in self.broken:
            return self._answer(500, {"error": {"code": "internal_error", "message": "sorry", "requestId": "req-500"}})
        order.update(document, version=order["version"] + 1)
        return self._answer(200, order)

    def _get(self, order_id):
        self.looks[order_id] = self.looks.get(order_id, 0) + 1
        if order_id in self.handed_in and self.looks[order_id] > self.late and "worker" not in self.broken:
            self._place(order_id, self.handed_in.pop(order_id))
        if order_id in self.orders:
            return self._answer(200, self.orders[order_id])
        return self._answer(404, {"error": {"code": "not_found", "requestId": "req-404"}})

    def _answer(self, status, document, **headers):
        return Answer(status, json.dumps(document), {"x-amzn-requestid": "req", **headers})

    # the bucket and the functions
    local = True
    exceptions = SimpleNamespace(NoSuchBucket=KeyError)

    def client(self, service):
        return self

    def put_object(self, Bucket, Key, Body):
        if "bucket" in self.broken:
            return {}
        self.files[Key] = Body
        document = json.loads(Body)
        good = "import" not in self.broken
        report = {
            "status": "completed" if good else "failed",
            "queued": int(good),
            "reasons": {} if good else {"invalid_request": 1},
        }
        if good:
            self.handed_in[document["orderId"]] = document
        if "importer" not in self.broken:
            self.files[report_key(Key, "v1")] = json.dumps(report).encode()
        return {"VersionId": "v1"}

    def get_object(self, Bucket, Key):
        if Key not in self.files:
            error = RuntimeError()
            error.response = {"Error": {"Code": "NoSuchKey"}}
            raise error
        return {"Body": SimpleNamespace(read=lambda: self.files[Key])}

    def get_paginator(self, name):
        def paginate(Bucket, Prefix, MaxKeys=0):
            found = [{"Key": key, "VersionId": "v1"} for key in self.files if key.startswith(Prefix)]
            return [{"Versions": found} if name == "list_object_versions" else {}]

        return SimpleNamespace(paginate=paginate)

    def delete_objects(self, Bucket, Delete):
        for each in Delete["Objects"]:
            del self.files[each["Key"]]
        return {}

    def list_event_source_mappings(self, FunctionName):
        state = "Disabled" if "stream" in self.broken else "Enabled"
        result = "PROBLEM: Function call failed" if "events" in self.broken else "OK"
        return {"EventSourceMappings": [{"State": state, "LastProcessingResult": result}]}


def run(platform):
    return list(paths.run(platform, platform, OUTPUTS, "SMOKE-1", clock=Clock()))


def failed(platform):
    return [(check.path, check.name.split(":")[0]) for check in run(platform) if not check.ok]


def test_all_is_well():
    platform = Platform()
    checks = run(platform)
    assert all(check.ok and not check.detail for check in checks), checks
    assert {check.path for check in checks} == set(paths.PATHS)
    assert len(platform.orders) == 3 and {order["status"] for order in platform.orders.values()} == {"cancelled"}
    assert {order["customerId"] for order in platform.orders.values()} == {"SMOKE-1"}
    assert platform.files == {}, "the file and its report are gone"


@pytest.mark.parametrize(
    "broken, expected",
    [
        ("POST /orders", [("synchronous", "place it")]),
        ("index", [("synchronous", "list it")]),
        ("POST /orders/async", [("asynchronous", "submit it")]),
        ("worker", [("asynchronous", "wait for it"), ("import", "wait for it")]),
        ("bucket", [("import", "upload it")]),
        ("importer", [("import", "wait for the report")]),
        ("import", [("import", "wait for the report")]),
        ("stream", [("events", "the table's stream is consumed (delivery to subscribers is not checked)")]),
        ("events", [("events", "the table's stream is consumed (delivery to subscribers is not checked)")]),
    ],
)
def test_what_is_broken_is_found_and_the_rest_is_tried_all_the_same(broken, expected):
    assert failed(Platform(broken)) == expected


def test_a_path_ends_at_its_first_failure_but_its_order_is_cancelled():
    platform = Platform("index")
    run(platform)
    assert {order["status"] for order in platform.orders.values()} == {"cancelled"}


def test_a_failure_tells_what_was_expected_what_came_and_the_request():
    [change, *cancels] = [check for check in run(Platform("PUT")) if not check.ok]
    assert (change.detail, change.request_id) == ("expected 200, found 500 internal_error: sorry", "req-500")
    assert change.order_id == "fd-1" and len(cancels) == 3


def test_a_file_that_is_not_imported_yet_is_left_to_its_import():
    platform = Platform("importer")
    run(platform)
    assert [key for key in platform.files if key.startswith("orders/")]


def test_waiting_has_an_end():
    clock = Clock()
    list(paths.run(Platform("worker"), Platform("worker"), OUTPUTS, "SMOKE-1", paths=["asynchronous"], clock=clock))
    assert 60 <= clock.now < 65


def test_a_right_that_is_missing_is_a_failed_check_and_no_end_of_the_run(aws):
    aws.stub("lambda").add_client_error("list_event_source_mappings", "AccessDeniedException")
    [check] = paths.run(aws, Platform(), OUTPUTS, "SMOKE-1", paths=["events"])
    assert not check.ok and "missing permission" in check.detail


def test_customers_are_marked_and_their_own():
    assert paths.new_customer().startswith("SMOKE-") and paths.new_customer() != paths.new_customer()
