"""The console in a real browser, over a deployment of its own: orders, dead letters, metrics, a restart, its end."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid

import pytest
from playwright.sync_api import Page, expect

from contract import partners
from tests.e2e import browser as chromium
from tests.e2e.support import ROOT, interruptible, order_for, start, stop
from tests.waiting import HANGS, eventually

pytestmark = pytest.mark.e2e

SCRIPT = "<script>window.broken = 1</script><img src=x onerror='window.broken = 1'>"
expect.set_options(timeout=HANGS * 1000)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    local_dir = tmp_path_factory.mktemp("console")
    try:
        yield start(local_dir)
    finally:
        stop(local_dir)


def launched(local_dir) -> tuple[subprocess.Popen, str]:
    """Start the console; return its process and the address that it prints."""
    command = [sys.executable, "-m", "console", "--local-dir", str(local_dir), "--no-browser"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=interruptible)
    assert process.stdout
    address = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", process.stdout.readline())
    assert address
    return process, address[0]


@pytest.fixture(scope="module")
def console(deployment):
    process, address = launched(deployment.local_dir)
    try:
        yield address
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def opened(page: Page, console: str) -> Page:
    page.set_default_timeout(HANGS * 1000)
    page.goto(console)
    expect(page.locator("#live")).to_have_class("on")
    return page


def order(page: Page, order_id: str):
    return page.locator("#order-list > li").filter(has=page.get_by_text(order_id, exact=True))


def answered(page: Page, status: int) -> str:
    """Wait for the answer in the page, and return its text."""
    expect(page.locator("#answer p span").first).to_have_text(str(status))
    return page.locator("#answer").inner_text()


def placed(page: Page, how: str, status: int, **fields) -> str:
    page.get_by_label("/orders/async" if how == "async" else "/orders", exact=True).check()
    page.get_by_label("Order", exact=True).fill(json.dumps(order_for(f"CUST-{uuid.uuid4().hex[:8]}", **fields)))
    page.get_by_role("button", name="Place it").click()
    return json.loads(re.search(r"\{.*\}", answered(page, status), re.DOTALL)[0])["orderId"]


@pytest.mark.parametrize(("how", "status", "nodes"), [("sync", 201, 0), ("async", 202, 1)])
def test_an_order_placed_in_the_page_passes_table_and_topic_there(opened, deployment, how, status, nodes):
    order_id = placed(opened, how, status)
    row = order(opened, order_id)
    expect(row.locator("summary")).to_contain_text("API Gateway")
    expect(row.locator("summary")).to_contain_text("OrdersTable")
    expect(row.locator("summary")).to_contain_text("OrderEvents")
    assert ("OrderQueue +" in row.locator("summary").inner_text()) is bool(nodes)
    expect(row.locator(".badge")).to_have_text("pending")
    assert len(deployment.orders_of([order_id])[order_id]) == 1
    row.locator("summary").focus()
    opened.keyboard.press("Enter")
    expect(row.locator("td", has_text="event published")).to_be_visible()
    assert opened.evaluate("location.search") == ""


def test_an_order_is_advanced_and_a_refusal_is_shown_with_its_details(opened, deployment):
    order_id = placed(opened, "sync", 201)
    row = order(opened, order_id)
    for status in ("processing", "out for delivery", "delivered"):
        row.get_by_role("button", name=status).click()
        expect(row.locator(".badge")).to_have_text(status)
    opened.get_by_label("Example").select_option("order-invalid.json")
    opened.get_by_role("button", name="Place it").click()
    said = answered(opened, 400)
    assert "invalid_request" in said and "required" in said


def test_ten_random_orders_and_a_partners_key(opened, deployment):
    gateway = deployment.client("apigateway")
    value = partners.key_of("acme", "premium", uuid.uuid4().hex)
    key = gateway.create_api_key(name="acme", value=value, enabled=True)["id"]
    plan = next(
        plan["id"]
        for plan in gateway.get_usage_plans()["items"]
        if any(stage["apiId"] == deployment.outputs["ApiId"] for stage in plan["apiStages"])
    )
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    opened.get_by_role("button", name="Ten random orders").click()
    expect(opened.locator("#answer")).to_contain_text("answers: ")
    assert len(re.findall(r"\b20[12]\b", opened.locator("#answer .quiet").first.inner_text())) == 10
    opened.get_by_label("API key").select_option(label="acme (premium)")
    assert value not in opened.content()
    placed(opened, "sync", 201)


def test_a_poisoned_message_is_a_dead_letter_with_its_reason_and_is_redriven(opened, deployment):
    body = json.dumps({"orderId": "poisoned", "customerId": SCRIPT})
    deployment.client("sqs").send_message(QueueUrl=deployment.outputs["OrderQueueUrl"], MessageBody=body)
    letter = opened.locator(".letter").filter(has_text="poisoned")
    expect(letter.locator("b")).to_have_text(re.compile("invalid"))
    assert "<script>" not in opened.locator("#letters").inner_text()  # nothing of the body before it is wanted
    letter.get_by_role("button", name="Show body").click()
    expect(letter.locator("pre")).to_have_text(body)
    opened.get_by_role("button", name="Redrive…").click()
    expect(opened.get_by_role("dialog")).to_contain_text("rejected permanently")
    opened.keyboard.press("Escape")
    assert "moved" not in opened.locator("#letters").inner_text()
    opened.get_by_role("button", name="Redrive…").click()
    opened.get_by_role("dialog").get_by_role("button", name="Redrive").click()
    expect(opened.locator("#letters")).to_contain_text("moved 1 to OrderQueue")
    assert opened.evaluate("window.broken") is None


def test_what_sns_did_not_deliver_has_no_button_and_says_what_to_do(opened, deployment):
    (url,) = (each for each in deployment.client("sqs").list_queues()["QueueUrls"] if "OrderEventsDeliveryDLQ" in each)
    deployment.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps({"orderId": SCRIPT}))
    queue = opened.locator(".queue").filter(has_text="Delivery DLQ")
    expect(queue.locator(".letter")).to_be_visible()
    expect(queue.get_by_role("button", name="Redrive…")).to_be_hidden()
    expect(queue.get_by_role("status")).to_contain_text("Cannot be redriven: list the queue")
    expect(opened.locator("#picture g.alarm").filter(has_text="Delivery DLQ")).to_contain_text("1 waiting")
    deployment.client("sqs").purge_queue(QueueUrl=url)


def test_dead_letters_that_could_not_be_read_are_read_again(page, console, problems):
    answers = [{"status": 502, "json": {"error": {"message": "no answer", "hint": ""}}}]
    page.route("**/dead-letters?*", lambda route: route.fulfill(**answers.pop()) if answers else route.continue_())
    page.goto(console)
    page.get_by_role("button", name="One to be rejected").click()
    expect(page.locator("#letters")).to_contain_text("no answer")
    placed(page, "sync", 201)  # the state changes
    expect(page.locator("#letters")).not_to_contain_text("no answer")
    expect(page.locator(".letter").first).to_be_visible()
    problems.clear()


def test_a_rejected_order_says_so(opened):
    opened.get_by_role("button", name="One to be rejected").click()
    order_id = json.loads(re.search(r"\{.*\}", answered(opened, 202), re.DOTALL)[0])["orderId"]
    expect(order(opened, order_id).locator("summary .bad")).to_have_text("OrderQueueDLQ")
    expect(opened.locator(".letter").filter(has_text=order_id).locator("b")).to_have_text("order_conflict")


def test_markup_in_what_orders_bring_stays_text(opened, deployment):
    order_id = placed(opened, "sync", 201)
    (item,) = deployment.orders_of([order_id])[order_id]
    deployment.client("dynamodb").update_item(
        TableName=deployment.outputs["OrdersTableName"],
        Key={name: item[name] for name in ("orderId", "timestamp")},
        UpdateExpression="SET customerId = :script, partner = :script",
        ExpressionAttributeValues={":script": {"S": SCRIPT}},
    )
    logs, group = deployment.client("logs"), "/food-delivery/dev/orders-worker"
    logs.create_log_stream(logGroupName=group, logStreamName="planted")
    now = int(time.time() * 1000)
    fields = {"message": "message rejected", "level": SCRIPT, "reason": SCRIPT, "details": [SCRIPT]}
    lines = [{**fields, "order_id": each} for each in (order_id, SCRIPT)]
    events = [{"timestamp": now, "message": json.dumps(line)} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName="planted", logEvents=events)
    expect(order(opened, order_id).locator(".customer")).to_contain_text(SCRIPT)
    expect(order(opened, SCRIPT)).to_be_visible()
    order(opened, SCRIPT).locator("summary").click()
    expect(order(opened, SCRIPT).locator("td").filter(has_text=SCRIPT).first).to_be_visible()
    assert opened.evaluate("window.broken") is None
    assert opened.locator("main img, main script").count() == 0


def test_a_sample_is_uploaded_and_its_report_shown(opened):
    opened.get_by_label("Sample").select_option("orders.jsonl")
    opened.get_by_role("button", name="Upload").click()
    expect(opened.locator("#report .ok")).to_have_text("completed")
    assert re.search(r"[1-9] read, [1-9] queued, 0 rejected", opened.locator("#report").inner_text())


def test_the_dashboard_counts_what_passed(opened):
    placed(opened, "sync", 201)
    opened.locator("#metrics").scroll_into_view_if_needed()
    card = opened.frame_locator("#dashboard").locator("section").filter(has_text="Requests and errors")
    expect(card.locator("li").filter(has_text="Count").locator("b")).to_have_text(re.compile("[1-9]"))


@pytest.mark.parametrize("size", [chromium.WIDE, chromium.NARROW], ids=["wide", "narrow"])
def test_it_does_not_scroll_sideways(opened, size):
    opened.set_viewport_size(size)
    placed(opened, "sync", 201)
    expect(opened.locator("#order-list > li").first).to_be_visible()
    assert chromium.overflowing(opened) == []


def test_it_is_live_again_after_the_emulator_was_restarted(opened, deployment, problems):
    order_id = placed(opened, "sync", 201)
    expect(order(opened, order_id)).to_be_visible()
    stop(deployment.local_dir)
    expect(opened.locator("#live")).to_have_class("off")
    expect(opened.get_by_role("alert")).to_contain_text("there is no emulator running")
    expect(order(opened, order_id)).to_be_visible()
    start(deployment.local_dir)
    expect(opened.locator("#live")).to_have_class("on")
    expect(order(opened, placed(opened, "sync", 201))).to_be_visible()
    problems.clear()  # a request may have met the emulator as it stopped


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("emulator", ["answers", "hangs"])
def test_it_ends_at_once_with_a_page_open(page, deployment, problems, ending, emulator):
    process, address = launched(deployment.local_dir)
    pid = json.loads((deployment.local_dir / "emulator.json").read_text())["pid"]
    try:
        page.goto(address)
        expect(page.locator("#live")).to_have_class("on")
        if emulator == "hangs":
            os.kill(pid, signal.SIGSTOP)
            time.sleep(1)  # a look at the run hangs by now, or soon: the end must not depend on it
        process.send_signal(ending)
        process.communicate(timeout=60)  # a look at an emulator that hangs takes 90 s
    finally:
        os.kill(pid, signal.SIGCONT)
        process.kill()
        process.communicate()
    assert process.returncode == 0
    expect(page.get_by_role("alert")).to_contain_text("has ended")
    with pytest.raises(ProcessLookupError):
        eventually(lambda: os.killpg(process.pid, 0), hangs=1)
    problems.clear()
