"""The functions in AWS's own runtime client, awslambdaric, with what the zip and the layer hold, read-only, and no more.

All functions of a deployment run that way: invoked directly, and behind the API, the queue, the stream and the bucket.
They run on the tests' Python, which is Lambda's with `make test PYTHON=python3.13`. The layer is packaged for arm64; it
is pure Python, so nothing in it is replaced.
"""

import io
import json
import time
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from contract.schemas import MAX_ID, MAX_ITEMS, MAX_PAGE_SIZE, MAX_PRICE, MAX_QUANTITY
from generator import openapi
from tests.e2e.import_kit import as_jsonl, order, upload
from tests.e2e.pipeline_kit import message
from tests.e2e.support import Deployment, order_for, start, stop
from tests.e2e.test_openapi import check
from tests.e2e.test_state_machine import any_sequence
from tests.runtime_api import RESPONSE_LIMIT, by_awslambdaric
from tests.unit.handlers.api import event

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("runtime_client")]

SECRET = "17 Planted Lane"
FUNCTIONS = ("Command", "Query", "Intake", "Worker", "Import", "Events")
LOG_GROUPS = [f"/food-delivery/dev/orders-{name.lower()}" for name in FUNCTIONS]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    local_dir = tmp_path_factory.mktemp("runtime-client")
    try:
        with by_awslambdaric():
            yield start(local_dir)
    finally:
        stop(local_dir)


@pytest.fixture(scope="module")
def api(deployment: Deployment):
    with deployment.api() as client:
        yield client


def invoke(deployment: Deployment, function: str, event: object) -> dict:
    """Return the payload; the error document of a failed invocation has an errorType."""
    name = deployment.outputs.get(f"Orders{function}Function", function)
    answer = deployment.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    payload = json.load(answer["Payload"])
    assert ("FunctionError" in answer) == (isinstance(payload, dict) and "errorType" in payload), payload
    return payload


def logged(deployment: Deployment) -> str:
    pages = deployment.client("logs").get_paginator("filter_log_events")
    return "\n".join(
        each["message"]
        for group in LOG_GROUPS
        for page in pages.paginate(logGroupName=group)
        for each in page["events"]
    )


def sqs_event(*bodies: str) -> dict:
    records = [
        {"messageId": f"message-{n}", "body": body, "attributes": {"SentTimestamp": f"{time.time_ns() // 1_000_000}"}}
        for n, body in enumerate(bodies)
    ]
    return {"Records": records}


def stream_event(item: dict) -> dict:
    change = {
        "Keys": {name: item[name] for name in ("orderId", "timestamp")},
        "NewImage": item,
        "SequenceNumber": "100000000000000000001",
    }
    return {"Records": [{"eventID": "event-1", "eventName": "INSERT", "dynamodb": change}]}


def placed(deployment: Deployment, **fields: object) -> dict:
    address = {"street": SECRET, "city": "Bristol", "zipCode": "BS1 4RN"}
    body = {**order_for("CUST-1", deliveryAddress=address), **fields}
    answer = invoke(deployment, "Command", event("POST", "/orders", body))
    return {"statusCode": answer["statusCode"], **json.loads(answer["body"])}


def stored(deployment: Deployment) -> dict:
    """Place an order; return its item."""
    order_id = placed(deployment)["orderId"]
    [item] = deployment.orders_of([order_id])[order_id]
    return item


def test_the_functions_of_the_api_answer_good_events_and_refuse_bad_ones(deployment):
    created = placed(deployment)
    assert (created["statusCode"], created["totalAmount"]) == (201, 109.97)
    refused = placed(deployment, items=[])
    assert (refused["statusCode"], refused["error"]["code"]) == (400, "invalid_request")

    found = invoke(deployment, "Query", event("GET", "/orders/{orderId}", orderId=created["orderId"]))
    assert (found["statusCode"], json.loads(found["body"])["deliveryAddress"]["street"]) == (200, SECRET)
    unknown = invoke(deployment, "Query", event("GET", "/orders/{orderId}", orderId="not-there"))
    assert (unknown["statusCode"], json.loads(unknown["body"])["error"]["code"]) == (404, "not_found")

    accepted = invoke(deployment, "Intake", event("POST", "/orders/async", order_for("CUST-1")))
    assert (accepted["statusCode"], json.loads(accepted["body"])["status"]) == (202, "accepted")
    malformed = invoke(deployment, "Intake", event("POST", "/orders/async", '{"customerId": '))
    assert (malformed["statusCode"], json.loads(malformed["body"])["error"]["code"]) == (400, "invalid_request")


def test_the_worker_stores_good_messages_and_sets_bad_ones_aside(deployment):
    good = message()
    answer = invoke(deployment, "Worker", sqs_event(json.dumps(good), "no order"))
    assert answer == {"batchItemFailures": []}
    assert len(deployment.orders_of([good["orderId"]])[good["orderId"]]) == 1
    later = message(format=99)
    assert invoke(deployment, "Worker", sqs_event(json.dumps(later))) == {
        "batchItemFailures": [{"itemIdentifier": "message-0"}]
    }


def test_the_publisher_announces_good_records_and_sets_bad_ones_aside(deployment):
    item = stored(deployment)
    assert invoke(deployment, "Events", stream_event(item)) == {"batchItemFailures": []}
    del item["status"]
    assert invoke(deployment, "Events", stream_event(item)) == {"batchItemFailures": []}


def test_the_import_takes_good_files_and_fails_for_those_that_are_gone(deployment):
    uploaded = upload(deployment, f"{uuid.uuid4().hex}.jsonl", as_jsonl([order(f"ORD-{uuid.uuid4().hex}")]))
    assert uploaded.report()["status"] == "completed"
    assert invoke(deployment, "Import", uploaded.event) is None
    gone = {**uploaded.event, "detail": {**uploaded.event["detail"], "bucket": {"name": "no-such-bucket"}}}
    failed = invoke(deployment, "Import", gone)
    assert failed["errorType"] == "ImportFailed", failed


def test_a_page_of_the_largest_orders_is_an_answer_that_lambda_takes(deployment):
    customer = f"CUST-{uuid.uuid4().hex}"
    items = [{"productId": "p" * MAX_ID, "quantity": MAX_QUANTITY, "price": MAX_PRICE}] * MAX_ITEMS
    address = {"street": "🍕" * 200, "city": "🍕" * 100, "zipCode": "🍕" * 20}
    order_id = placed(deployment, customerId=customer, items=items, deliveryAddress=address)["orderId"]
    [item] = deployment.orders_of([order_id])[order_id]
    table = deployment.outputs["OrdersTableName"]
    for n in range(MAX_PAGE_SIZE - 1):
        copy = {**item, "orderId": {"S": f"copy-{n}".ljust(MAX_ID, "x")}}
        deployment.client("dynamodb").put_item(TableName=table, Item=copy)
    query = {"limit": str(MAX_PAGE_SIZE)}
    page = invoke(deployment, "Query", event("GET", "/orders/customer/{customerId}", query=query, customerId=customer))
    assert json.loads(page["body"])["count"] == MAX_PAGE_SIZE
    assert len(json.dumps(page)) < RESPONSE_LIMIT / 2


@pytest.mark.parametrize("function", ["Worker", "Events", "Import"])
def test_an_event_of_another_shape_fails_with_an_error_document_that_quotes_nothing_of_it(deployment, function):
    failed = invoke(deployment, function, {"street": SECRET})
    assert failed["errorType"] in ("KeyError", "ImportFailed") and failed["stackTrace"] and failed["requestId"]
    assert SECRET not in json.dumps(failed)


def test_no_log_line_has_an_address(deployment):
    item = stored(deployment)
    del item["status"]
    invoke(deployment, "Events", stream_event(item))
    text = logged(deployment)
    assert '"order created"' in text and SECRET not in text


PROBE = """
import os, sys
CALLS = []

def attempt(path):
    try:
        open(os.path.join(path, "written"), "w")
    except OSError as error:
        return type(error).__name__

def handler(event, context):
    CALLS.append(event)
    return event if event.get("back") else {
        "calls": len(CALLS),
        "argv": sys.orig_argv,
        "path": sys.path,
        "folder": os.getcwd(),
        "variables": dict(os.environ),
        "writing": [attempt(path) for path in sys.path if "unpacked" in path],
        "compiled": [
            name for path in sys.path if "unpacked" in path for _, _, names in os.walk(path) for name in names
            if name.endswith(".so")
        ],
        "modules": [file for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))],
        "left": context.get_remaining_time_in_millis(),
        "large": "x" * event.get("size", 0),
    }
"""


@pytest.fixture(scope="module")
def probe(deployment: Deployment) -> str:
    """A function like the worker, role, variables and layer included, with a handler that looks around."""
    functions = deployment.client("lambda")
    worker = functions.get_function_configuration(FunctionName=deployment.outputs["OrdersWorkerFunction"])
    code = urllib.request.urlopen(
        functions.get_function(FunctionName=worker["FunctionName"])["Code"]["Location"]
    ).read()
    archive = io.BytesIO(code)
    with zipfile.ZipFile(archive, "a") as files:
        files.writestr("probe.py", PROBE)
    made = functions.create_function(
        FunctionName="probe",
        Handler="probe.handler",
        Code={"ZipFile": archive.getvalue()},
        Layers=[layer["Arn"] for layer in worker["Layers"]],
        **{name: worker[name] for name in ("Role", "Runtime", "Timeout", "Environment", "TracingConfig")},
    )
    return made["FunctionName"]


def test_a_function_sees_its_zip_and_its_layer_read_only_and_nothing_else_of_this_machine(deployment, probe):
    seen = invoke(deployment, probe, {})
    [runtime] = [path for path in seen["path"] if path == seen["variables"]["LAMBDA_RUNTIME_DIR"]]
    code, layer, *rest = seen["path"]
    assert seen["argv"][-3:] == ["-m", "awslambdaric", "probe.handler"]
    assert code == seen["folder"] == seen["variables"]["LAMBDA_TASK_ROOT"] and layer.endswith("/python")
    assert seen["writing"] == ["PermissionError"] * 2
    assert rest[0] == runtime and not [path for path in rest if "site-packages" in path]
    assert seen["compiled"] == []  # or this machine could not run what is packaged for Lambda's arm64
    assert not [file for file in seen["modules"] if str(deployment.local_dir) not in file and "/lib/python" not in file]


def test_a_function_has_the_variables_of_its_template_and_those_that_lambda_sets(deployment, probe):
    worker = deployment.client("lambda").get_function_configuration(FunctionName=probe)
    own = worker["Environment"]["Variables"]
    seen = invoke(deployment, probe, {})["variables"]
    assert {name: seen[name] for name in own} == own
    others = {name for name in seen if name not in own and not name.startswith(("AWS_", "LAMBDA_"))}
    assert others == {"PATH", "LANG", "TZ", "TMPDIR", "HOME", "PYTHONPATH", "_HANDLER", "_X_AMZN_TRACE_ID"} & set(seen)
    assert seen["_X_AMZN_TRACE_ID"].startswith("Root=1-")


def test_one_process_takes_several_events_and_knows_the_time_that_is_left(deployment, probe):
    first, second = (invoke(deployment, probe, {}) for _ in range(2))
    assert second["calls"] == first["calls"] + 1
    timeout = deployment.client("lambda").get_function_configuration(FunctionName=probe)["Timeout"]
    assert 0 < second["left"] <= 1000 * timeout


def test_text_and_numbers_pass_the_client_unchanged(deployment, probe):
    sent = {"back": True, "text": "Straße 通り 🍕 \u2028", "numbers": [0.1, 10**18, -0.5, 1e-7], "null": None}
    assert invoke(deployment, probe, sent) == sent


def test_an_answer_of_more_than_6_mb_is_an_error(deployment, probe):
    assert invoke(deployment, probe, {"size": RESPONSE_LIMIT})["errorType"] == "Function.ResponseSizeTooLarge"
    assert len(invoke(deployment, probe, {"size": RESPONSE_LIMIT - 100_000})["large"]) == RESPONSE_LIMIT - 100_000


def test_a_function_that_cannot_start_says_so(deployment, probe):
    functions = deployment.client("lambda")
    try:
        functions.update_function_configuration(FunctionName=probe, Handler="handlers.orders_nothing.handler")
        failed = invoke(deployment, probe, {})
        assert failed["errorType"] == "Runtime.ImportModuleError" and "orders_nothing" in failed["errorMessage"]
        functions.update_function_configuration(FunctionName=probe, Handler="handlers.orders_worker.nothing")
        assert invoke(deployment, probe, {})["errorType"] == "Runtime.HandlerNotFound"
    finally:
        functions.update_function_configuration(FunctionName=probe, Handler="probe.handler")


@schemathesis.openapi.from_dict(openapi.document()).exclude(path_regex="^/me/").parametrize()
@settings(max_examples=5, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_the_api_does_what_its_document_says(case, deployment):
    check(case, deployment)


def test_any_sequence_of_calls_and_files_leaves_what_the_model_says(deployment, api):
    any_sequence(deployment, api, examples=2)
