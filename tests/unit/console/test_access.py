"""Who may use the console."""

from email.message import Message

import pytest

from console.access import Access

ACCESS = Access("the-token", 8123)
HERE = "127.0.0.1:8123"
GOOD = {"Host": HERE, "Cookie": "console_8123=the-token"}
WRITE = {**GOOD, "Origin": f"http://{HERE}"}


def judged(method: str, headers: dict[str, str], query: str = "") -> str:
    message = Message()
    for name, value in headers.items():
        message[name] = value
    return ACCESS.refusal(method, query, message)


@pytest.mark.parametrize(
    ("method", "headers", "query"),
    [
        ("GET", GOOD, ""),
        ("GET", {**GOOD, "Host": "LocalHost:8123"}, ""),
        ("GET", {**GOOD, "Sec-Fetch-Site": "same-origin"}, ""),
        ("GET", {**GOOD, "Cookie": "other=1; console_8123=the-token; more=2"}, ""),
        ("GET", {**GOOD, "Cookie": "console_8123=old; console_8123=the-token"}, ""),
        ("GET", {"Host": HERE, "Sec-Fetch-Site": "cross-site"}, "token=the-token"),
        ("POST", WRITE, ""),
        ("POST", {**WRITE, "Origin": "http://localhost:8123"}, ""),
    ],
)
def test_the_browser_that_has_the_token_may_pass(method, headers, query):
    assert judged(method, headers, query) == ""


@pytest.mark.parametrize(
    ("method", "headers", "query"),
    [
        ("GET", {"Host": HERE}, ""),
        ("GET", {"Host": HERE}, "token=the-toke"),
        ("GET", {"Host": HERE}, "token=the-token-"),
        ("GET", {"Host": HERE}, "token="),
        ("GET", {"Host": HERE}, "token=%ff%00"),
        ("GET", {**GOOD, "Cookie": "console_8123="}, ""),
        ("GET", {**GOOD, "Cookie": "console_8124=the-token"}, ""),
        ("GET", {**GOOD, "Cookie": "console_8123=\xff"}, ""),
        ("GET", {"Cookie": GOOD["Cookie"]}, ""),
        ("GET", {**GOOD, "Host": "127.0.0.1"}, ""),
        ("GET", {**GOOD, "Host": "127.0.0.1:8124"}, ""),
        ("GET", {**GOOD, "Host": "rebound.example:8123"}, "token=the-token"),
        ("GET", {**GOOD, "Host": "127.0.0.1:8123.example"}, ""),
        ("GET", {**GOOD, "Sec-Fetch-Site": "same-site"}, ""),
        ("GET", {**GOOD, "Sec-Fetch-Site": "cross-site"}, ""),
        ("GET", {**GOOD, "Origin": "http://127.0.0.1:9999"}, ""),
        ("POST", GOOD, ""),
        ("POST", {"Host": HERE, "Origin": WRITE["Origin"]}, "token=the-token"),
        ("POST", {**WRITE, "Origin": "null"}, ""),
        ("POST", {**WRITE, "Origin": "https://127.0.0.1:8123"}, ""),
        ("POST", {**WRITE, "Origin": "http://127.0.0.1:8123.example"}, ""),
        ("POST", {**WRITE, "Sec-Fetch-Site": "same-site"}, ""),
        ("DELETE", GOOD, ""),
    ],
)
def test_everyone_else_is_refused(method, headers, query):
    assert judged(method, headers, query)


def test_a_request_with_two_hosts_is_refused():
    message = Message()
    message["Host"] = message["Cookie"] = HERE
    message.replace_header("Cookie", GOOD["Cookie"])
    assert ACCESS.refusal("GET", "", message) == ""
    message["Host"] = HERE
    assert ACCESS.refusal("GET", "", message)
