"""Least privilege, both ways: functions work under their own roles, and need every action of them.

The emulator enforces the roles' policies. One action at a time is taken away
and something must stop working; what still worked would be a right too many.
"""

import json
import time
import uuid
from contextlib import contextmanager

import pytest

from contract import imports
from domain import claims, orders, strict_json, validation
from handlers.attributes import to_item
from tests.e2e.import_kit import Uploaded, as_jsonl, order, short_of_time, upload
from tests.e2e.pipeline_kit import dead_letters, message, receive_all
from tests.e2e.support import ROOT, fresh_processes, order_for, start, stop
from tests.waiting import eventually

pytestmark = pytest.mark.e2e

# Statements that AWS's services use on the function's behalf; the emulator checks none of them.
NOT_ENFORCED = {
    "FindStream",
    "SendToOrderProcessingDLQ",
    "ReadStream",
    "SendTraces",
    "ReceiveFromOrderQueue",
    "WriteLogs",
}


@pytest.fixture(scope="module")
def own_deployment(tmp_path_factory):
    """Not the shared one: the roles are changed under it."""
    local_dir = tmp_path_factory.mktemp("permissions")
    try:
        yield start(local_dir)
    finally:
        stop(local_dir)


def role_of(deployment, function: str) -> str:
    name = deployment.outputs[function]
    return deployment.client("lambda").get_function_configuration(FunctionName=name)["Role"].rpartition("/")[2]


def policy_with(deployment, role: str, sid: str) -> tuple[str, dict]:
    """Name and document of the role's policy that has the statement."""
    iam = deployment.client("iam")
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        if sid in [statement["Sid"] for statement in document["Statement"]]:
            return name, document
    raise AssertionError(f"{role} has no statement {sid}")


@contextmanager
def without(deployment, function: str, sid: str, action: str):
    """The function's role with one action of one statement taken away."""
    iam, role = deployment.client("iam"), role_of(deployment, function)
    name, document = policy_with(deployment, role, sid)
    smaller = json.loads(json.dumps(document))
    for statement in smaller["Statement"]:
        if statement["Sid"] == sid:
            statement["Action"] = [each for each in statement["Action"] if each != action]
    smaller["Statement"] = [statement for statement in smaller["Statement"] if statement["Action"]]
    if smaller["Statement"]:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(smaller))
    else:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    fresh_processes(deployment, function)
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
        fresh_processes(deployment, function)


def command_works(deployment) -> bool:
    """Uses everything that orders_command is for: settings, flags, place, replay, all ways to update."""
    with deployment.api() as api:
        customer = f"CUST-{uuid.uuid4().hex[:8]}"
        key = {"Idempotency-Key": uuid.uuid4().hex}
        placed = api.post("/orders", json=order_for(customer))
        keyed = api.post("/orders", json=order_for(customer, delivery="express"), headers=key)
        replayed = api.post("/orders", json=order_for(customer, delivery="express"), headers=key)
        if {placed.status_code, keyed.status_code, replayed.status_code} != {201}:
            return False
        too_many = [{"productId": "A", "quantity": 1, "price": 1}] * 3
        path, query = f"/orders/{placed.json()['orderId']}", {"timestamp": placed.json()["timestamp"]}
        own = stored_as(deployment, f"ORD-{uuid.uuid4().hex}")["orderId"]
        return (
            api.post("/orders", json=order_for(customer, items=too_many)).status_code == 400
            and api.put(path, json={"status": "processing"}).status_code == 200
            and api.put(path, json={"status": "out_for_delivery"}, params=query).status_code == 200
            and api.put(path, json={"status": "pending"}, params=query).status_code == 409
            and api.put(f"/orders/{own}", json={"status": "processing"}).status_code == 200
        )


def query_works(deployment) -> bool:
    """Uses everything that orders_query is for: settings, read by id and by key, list."""
    with deployment.api() as api:
        order = stored_as(deployment, f"ORD-{uuid.uuid4().hex}")
        path = f"/orders/{order['orderId']}"
        listed = f"/orders/customer/{order['customerId']}"
        return (
            api.get(path).status_code == 200
            and api.get(path, params={"timestamp": order["timestamp"]}).status_code == 200
            and api.get(listed).status_code == 200
            and api.get(listed, params={"limit": 2}).status_code == 400
        )


def made_of(document: dict) -> orders.Order:
    now = time.time_ns() // 1_000_000
    request = validation.import_record(strict_json.loads(json.dumps(document)), now)
    return orders.new_order(request, order_id=document["orderId"], now=now, features=(), ttl_days=1)


def stored_as(deployment, order_id: str) -> orders.Order:
    """An order with an id of a client's, which is looked up before it is changed."""
    stored = made_of(order(order_id))
    deployment.client("dynamodb").put_item(TableName=deployment.outputs["OrdersTableName"], Item=to_item(stored))
    return stored


def claimed(deployment) -> dict:
    """An order that is larger than the settings allow, and was stored when they still did."""
    document = order(f"ORD-{uuid.uuid4().hex}", items=order("")["items"] * 3)
    deployment.client("dynamodb").put_item(
        TableName=deployment.outputs["OrdersTableName"], Item=to_item(claims.order_claim(made_of(document), 1))
    )
    return document


def intake_works(deployment) -> bool:
    """Uses settings, flags, the queue, and the table for what was accepted before."""
    order = {"customerId": "CUST-1", "items": [{"itemId": "A", "quantity": 1, "price": 1}]}
    with deployment.api() as api:
        return (
            api.post("/orders/async", json={**order, "delivery": "express"}).status_code == 202
            and api.post("/orders/async", json={**order, "items": order["items"] * 3}).status_code == 400
            and api.post("/orders/async", json=claimed(deployment)).status_code == 202
        )


def worker_works(deployment) -> bool:
    """Uses both ways to store, the flags (of a message that does not say which were on), and the dead-letter queue."""
    chosen, given = message(), message(f"fd-{uuid.uuid4()}")
    bodies = [json.dumps(chosen), json.dumps(given), "not JSON"]
    records = [{"messageId": str(n), "body": body, "eventSource": "aws:sqs"} for n, body in enumerate(bodies)]
    answer = invoke(deployment, "OrdersWorkerFunction", {"Records": records})
    stored = deployment.orders_of([chosen["orderId"], given["orderId"]]).values()
    rejected = [letter["body"] for letter in dead_letters(deployment)]
    return (
        answer == {"batchItemFailures": []}
        and all(len(items) == 1 and "loyaltyPoints" in items[0] for items in stored)
        and rejected == ["not JSON"]
    )


def events_works(deployment) -> bool:
    """Uses the topic, and the dead-letter queue for what cannot be announced."""
    [order] = [item for item in deployment.orders()][:1]
    keys = {"orderId": order["orderId"], "timestamp": order["timestamp"]}
    change = {"Keys": keys, "NewImage": order, "SequenceNumber": "1"}
    unreadable = {"Keys": keys, "NewImage": {"orderId": {"S": "x"}}, "SequenceNumber": "2"}
    records = [
        {"eventID": str(n), "eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": each}
        for n, each in enumerate((change, unreadable))
    ]
    answer = invoke(deployment, "OrdersEventsFunction", {"Records": records})
    kept = receive_all(deployment, deployment.outputs["OrderEventsDlqUrl"])
    return answer == {"batchItemFailures": []} and len(kept) == 1


def import_works(deployment) -> bool:
    """Uses files with and without versions, settings, flags, the queue, the table and reports."""
    good, too_large = (
        order(f"ORD-{uuid.uuid4().hex}", delivery="express"),
        order(f"BIG-{uuid.uuid4().hex}", items=order("")["items"] * 3),
    )
    uploaded = upload(deployment, f"{uuid.uuid4()}.jsonl", as_jsonl([good, too_large, claimed(deployment)]))
    unversioned = uploaded.event
    del unversioned["detail"]["object"]["version-id"]
    if any(failed(deployment, "OrdersImportFunction", event) for event in (uploaded.event, unversioned)):
        return False
    report = uploaded.report()
    return (report["queued"], report["reasons"]) == (2, {"invalid_request": 1})


def keeps_failed_imports(deployment) -> bool:
    """A file that cannot be read, which Lambda gives up after two retries."""
    given_up, _ = failed_import(deployment), failed_import(deployment)  # the second: the first is over and done with
    letters = receive_all(deployment, deployment.outputs["OrderImportDlqUrl"])
    return any(given_up.key in letter["Body"] for letter in letters)


def failed_import(deployment) -> Uploaded:
    """Upload a file that cannot be read, and wait for the reports of the three attempts to import it."""
    uploaded = upload(deployment, f"{uuid.uuid4()}.csv", b"name,age\n")
    key = imports.report_key(uploaded.key, uploaded.version)

    def tried() -> bool:
        found = deployment.client("s3").list_object_versions(Bucket=uploaded.bucket, Prefix=key)
        return len(found.get("Versions", [])) == 3

    eventually(tried, "three attempts have failed")
    return uploaded


def hands_over(deployment) -> bool:
    """A file that takes longer than an invocation may; of bad records, which need no queue."""
    with short_of_time(deployment, looks=5):
        large = upload(deployment, f"{uuid.uuid4()}.jsonl", b"{}\n" * 10)
        if failed(deployment, "OrdersImportFunction", large.event):
            return False
        return large.report()["invocations"] > 1


def invoke(deployment, function: str, event: dict) -> dict:
    """Call a function as its event source would."""
    answer = deployment.client("lambda").invoke(
        FunctionName=f"{deployment.outputs[function]}:live", Payload=json.dumps(event)
    )
    return json.loads(answer["Payload"].read())


def failed(deployment, function: str, event: dict) -> bool:
    answer = deployment.client("lambda").invoke(
        FunctionName=f"{deployment.outputs[function]}:live", Payload=json.dumps(event)
    )
    return "FunctionError" in answer


FUNCTIONS = {
    "OrdersCommandFunction": command_works,
    "OrdersQueryFunction": query_works,
    "OrdersIntakeFunction": intake_works,
    "OrdersWorkerFunction": worker_works,
    "OrdersEventsFunction": events_works,
    "OrdersImportFunction": import_works,
}
# What takes too long to be looked at each time.
APART = {
    ("OrdersImportFunction", "InvokeItself"): hands_over,
    ("OrdersImportFunction", "SendToOrderImportDLQ"): keeps_failed_imports,
}


@pytest.fixture(scope="module")
def set_up(own_deployment):
    """Settings that differ from the defaults, so that a function which cannot read them behaves otherwise."""
    ssm = own_deployment.client("ssm")
    config = {"maxItemsPerOrder": 2, "maxPageSize": 1}
    ssm.put_parameter(Name="/food-delivery/dev/api-config", Value=json.dumps(config), Overwrite=True)
    ssm.put_parameter(
        Name="/food-delivery/dev/feature-flags",
        Value='{"expressDelivery": true, "loyaltyProgram": true}',
        Type="SecureString",
        Overwrite=True,
    )
    for function in FUNCTIONS:
        fresh_processes(own_deployment, function)
    eventually(lambda: command_works(own_deployment), "there are orders to read")
    return own_deployment


def rights() -> list[tuple[str, str, str]]:
    """(function, statement, action) of every right in the checked-in template, as the tests' parameters."""
    from deployer.plan import cfn_yaml

    resources = cfn_yaml.load((ROOT / "templates" / "compute.yaml").read_text())["Resources"]
    found = []
    for function in FUNCTIONS:
        role = function.removesuffix("Function") + "Role"
        documents = [each["PolicyDocument"] for each in resources[role]["Properties"]["Policies"]]
        documents += [
            each["Properties"]["PolicyDocument"]
            for each in resources.values()
            if each["Type"] == "AWS::IAM::Policy" and {"Ref": role} in each["Properties"]["Roles"]
        ]
        statements = [statement for document in documents for statement in document["Statement"]]
        found += [(function, each["Sid"], action) for each in statements for action in each["Action"]]
    return [right for right in found if right[1] not in NOT_ENFORCED]


def everything_works(deployment) -> None:
    for works in (*FUNCTIONS.values(), *APART.values()):
        # Where the machine is busy, a look-up may time out; the function asks again after some seconds.
        eventually(lambda works=works: works(deployment), works.__name__)


def test_everything_works_under_the_functions_own_roles(set_up):
    everything_works(set_up)


@pytest.mark.parametrize(("function", "sid", "action"), rights())
def test_each_right_is_needed(set_up, function, sid, action):
    with without(set_up, function, sid, action):
        works = APART.get((function, sid), FUNCTIONS[function])
        assert not works(set_up), f"{function} works without {action} of {sid}"


def test_everything_works_again_with_all_rights(set_up):
    everything_works(set_up)
