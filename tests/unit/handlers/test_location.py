"""Location: an absolute path for any stage, base path and spelling of the request."""

from urllib.parse import urljoin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.handlers.api import event, order, send
from tests.unit.handlers.pipeline import SUBMISSION

HOST = "https://api.example.com"


def sent(method, resource, body, path):
    given_ = event(method, resource, body)
    given_["requestContext"]["path"] = path
    return send(given_)


@pytest.mark.parametrize("resource, body", [("/orders", order()), ("/orders/async", SUBMISSION)])
@pytest.mark.parametrize("base", ["", "/dev", "/v1", "/shop/v1", "/restapis/a1/dev/_user_request_", "/orders"])
@pytest.mark.parametrize("spell", [
    lambda path: path,
    lambda path: path + "/",
    lambda path: path + "//",
    lambda path: path.replace("/orders", "//orders"),
    lambda path: path.replace("/orders", "/%6Frders"),
])  # fmt: skip
def test_it_leads_to_the_order(api, queues, resource, body, base, spell):
    path = base + spell(resource)
    answer = sent("POST", resource, body, path)
    assert answer.headers["Location"] == f"{base}/orders/{answer.body['orderId']}"
    assert urljoin(HOST + path, answer.headers["Location"]) == f"{HOST}{base}/orders/{answer.body['orderId']}"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text() | st.text("/%a.\\:@?#\r\n", max_size=20))
def test_no_path_leads_to_another_host_or_breaks_the_header(api, path):
    location = sent("POST", "/orders", order(), path).headers["Location"]
    assert location.isascii() and location.isprintable() and " " not in location
    assert urljoin(HOST, location) == HOST + location.replace("/./", "/") or "." in location
    assert urljoin(HOST, location).startswith(HOST + "/")


def test_headers_do_not_change_the_location(api):
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil"}
    assert "evil" not in api.post(headers=headers).headers["Location"]


def test_an_event_without_a_path_has_the_route_alone(api):
    assert sent("POST", "/orders", order(), None).headers["Location"].startswith("/orders/fd-")
