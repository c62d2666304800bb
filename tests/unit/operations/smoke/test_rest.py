"""One HTTP call: what is sent, and what is made of answers of every kind."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from operations.smoke import rest
from operations.smoke.rest import Answer, Api


@pytest.fixture
def server():
    seen = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.update(self.headers, path=self.path, body=self.rfile.read(int(self.headers["content-length"])))
            self.send_response(409)
            self.send_header("X-Amzn-RequestId", "req-1")
            self.end_headers()
            self.wfile.write(b'{"error": {"code": "conflict", "message": "no", "details": ["a", "b"]}}')

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/dev", seen
    server.shutdown()
    server.server_close()


def test_the_key_goes_along_and_a_refusal_is_an_answer(server):
    url, seen = server
    answer = Api(url, "key-1").call("POST", "/orders", {"a": 1}, {"If-Match": "1"})
    assert (seen["path"], seen["x-api-key"], seen["If-Match"]) == ("/dev/orders", "key-1", "1")
    assert json.loads(seen["body"]) == {"a": 1}
    assert (answer.status, answer.request_id) == (409, "req-1")
    assert answer.brief() == "409 conflict: no (a; b)"


def test_no_answer_is_told_as_one():
    answer = Api("http://127.0.0.1:1", "key").call("GET", "/orders")
    assert answer.status == 0 and answer.brief().startswith("no answer")
    assert "key" not in answer.brief()


@pytest.mark.parametrize("text", ["", "<html>\n Bad   Gateway </html>", "[1]", '"text"', '{"error": "odd"}', "\ufffd"])
def test_an_answer_that_is_none_of_ours_is_shown_briefly(text):
    answer = Answer(502, text + "x" * 1000)
    assert answer.document == {} and answer.request_id == ""
    assert "\n" not in answer.brief() and len(answer.brief()) < 320
    assert Answer(502, text).brief().startswith("502")


def test_an_answer_may_take_as_long_as_api_gateway_waits_for_a_function():
    timeout = rest.pool("http://127.0.0.1:4566", None).connection_pool_kw["timeout"].clone()
    timeout.start_connect()
    assert (timeout.connect_timeout, timeout.read_timeout) == (5, 35)


def test_a_proxy_of_the_environment_is_heeded_but_never_for_the_emulator(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert rest.proxy_of("http://api.example/dev") == "http://127.0.0.1:1"
    assert Api("http://api.example", "key")._pool.proxy.port == 1
    assert Api("http://127.0.0.1:4566", "key")._pool.proxy is None
