"""The bytes that an order logs, measured: its lines as the handlers write them, and the gateway's."""

import json
import os
import re
import subprocess
import sys
import uuid
from decimal import Decimal
from inspect import getsource

import pytest

from costs.load import Load
from costs.prices import assumptions
from generator import queries
from generator.api_logging import ACCESS_LOG_FIELDS
from operations.logs import lines as log_lines
from tests.unit.handlers.sessions import TRACE

EVENT = 26  # bytes that CloudWatch adds to each log event (PutLogEvents)

# One line of a kind for each occasion in the life of an order, with ids as long as real ones.
LIFE = """
import uuid
from decimal import Decimal
from types import SimpleNamespace
from handlers import telemetry

order, event, trace = f"fd-{uuid.uuid4()}", f"fd-{uuid.uuid4()}:12", str(uuid.uuid4())
telemetry._cold = False

def begin(name):
    print("#", name)
    telemetry.begin(trace, SimpleNamespace(aws_request_id=str(uuid.uuid4())))

begin("createOrder")
telemetry.order_created(order, Decimal("54.90"), 150)
telemetry.finish("createOrder", 201, 24.543)
begin("updateOrderStatus")
telemetry.about(order)
telemetry.order_status_changed("out_for_delivery")
telemetry.finish("updateOrderStatus", 200, 24.543)
begin("getOrder")
telemetry.about(order)
telemetry.finish("getOrder", 200, 24.543)
begin("listCustomerOrders")
telemetry.finish("listCustomerOrders", 200, 24.543)
begin("submitOrder")
telemetry.order_accepted(order, str(uuid.uuid4()))
telemetry.finish("submitOrder", 202, 24.543)
begin("worker")
telemetry.order_stored("pipeline", Decimal("54.90"), 250, order_id=order, message_id=trace, correlation_id=trace)
telemetry.hourly_limit_used(1, 150)
telemetry.batch_finished(1, 0, 24.543)
begin("events")
telemetry.event_published(event, order_id=order, correlation_id=trace)
telemetry.batch_finished(1, 0, 24.543)
"""


# Occasion -> its lines.
Written = dict[str, list[str]]


def written(dashboard: str) -> Written:
    environment = {
        **os.environ,
        "POWERTOOLS_SERVICE_NAME": "orders-command",
        "ENVIRONMENT": "prod",
        "DASHBOARD_ENABLED": dashboard,
        "_X_AMZN_TRACE_ID": f"Root={TRACE};Sampled=1",
    }
    run = subprocess.run([sys.executable, "-c", LIFE], env=environment, capture_output=True, text=True, check=True)
    occasions: Written = {}
    for line in run.stdout.splitlines():
        if line.startswith("# "):
            lines = occasions.setdefault(line[2:], [])
        else:
            lines.append(line)
    return occasions


@pytest.fixture(scope="module")
def with_dashboard() -> Written:
    return written("true")


def of_an_order(occasions: Written) -> float:
    """Bytes, at the assumed load. The worker's line of one order is the most that an imported one can take."""
    assumed = assumptions()
    times = {
        "createOrder": assumed["sync_share"],
        "submitOrder": assumed["async_share"],
        "updateOrderStatus": assumed["changes_per_order"],
        "getOrder": assumed["reads_per_order"],
        "listCustomerOrders": assumed["lists_per_order"],
        "worker": 1 - assumed["sync_share"],
        "events": 1 + assumed["changes_per_order"],
    }
    assert times.keys() == occasions.keys()
    return float(sum(times[name] * (len(line) + EVENT) for name, lines in occasions.items() for line in lines))


def access_line() -> int:
    example = {"requestId": str(uuid.uuid4()), "traceId": TRACE, "method": "POST", "resourcePath": "/orders/{orderId}"}
    example["apiKeyId"] = "a1b2c3d4e5"
    return len(json.dumps({name: example.get(name, "200") for name in ACCESS_LOG_FIELDS})) + EVENT


def test_the_assumed_bytes_are_those_of_real_lines(with_dashboard):
    assumed = {name: float(value) for name, value in assumptions().items()}
    plain = of_an_order(written("false"))
    gateway = float(Load(Decimal(1)).requests_per_order) * access_line()
    assert plain + gateway == pytest.approx(assumed["log_bytes_per_order"], rel=0.05)
    assert of_an_order(with_dashboard) - plain == pytest.approx(assumed["metric_bytes_per_order"], rel=0.05)


def unread(lines: list[str]) -> set[str]:
    """Fields of log lines that neither a saved query nor `deploy.py --logs` names."""
    logged = {field for line in lines if "_aws" not in line for field in json.loads(line)}
    return logged - set(re.findall(r"\w+", getsource(queries) + getsource(log_lines)))


def test_every_field_of_an_orders_lines_is_read_by_a_saved_query_or_by_the_log_command(with_dashboard):
    lines = [line for occasion in with_dashboard.values() for line in occasion]
    assert unread(lines) == set()
    assert unread([*lines, '{"location": "finish:170"}']) == {"location"}
