"""The console's server: what it refuses, what it answers, and that it ends at once."""

import http.client
import json
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from console import routes, server
from console.routes import Console
from console.server import MOST_BYTES, Server
from deployer.errors import Exit, Failure
from tests.waiting import HANGS, eventually

TOKEN = "the-token"


class Fake:
    """A watcher and a connection without an emulator."""

    def __init__(self):
        self.looks = 0
        self.value = {"problem": None, "looks": "a few"}
        self.held = threading.Event()
        self.held.set()

    def state(self):
        self.looks += 1
        assert self.held.wait(HANGS)
        return self.value

    def current(self):
        raise Failure(Exit.PREFLIGHT, "there is no emulator running", "make run")


@pytest.fixture
def fake():
    return Fake()


@pytest.fixture
def running(fake):
    made = Server(0, TOKEN, Console(fake, fake))
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    fake.held.set()
    made.shutdown()
    made.server_close()
    thread.join(HANGS)
    assert not thread.is_alive()


def ask(running: Server, method: str, path: str, body: bytes | None = None, **headers: str):
    with closing(http.client.HTTPConnection("127.0.0.1", running.access.port, timeout=HANGS)) as connection:
        origin = {"Origin": f"http://127.0.0.1:{running.access.port}"}
        cookie = {"Cookie": f"{running.access.cookie}={TOKEN}"}
        kind = {"Content-Type": "application/json"}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {**origin, **cookie, **kind, **given}
        connection.request(method, path, body, {name: value for name, value in sent.items() if value})
        response = connection.getresponse()
        return response, response.read()


def test_the_printed_address_opens_the_page_and_gives_a_cookie_for_what_follows(running):
    path = running.url.partition(str(running.access.port))[2]
    response, body = ask(running, "GET", path, Cookie="", Origin="")
    assert response.status == 200 and b"<title>Order console" in body
    cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    for file in ("/console.js", "/console.css", "/start"):
        response, _ = ask(running, "GET", file, Cookie=cookie.partition(";")[0])
        assert response.status == 200 and "Set-Cookie" not in response.headers


@pytest.mark.parametrize("path", ["/", "/console.js", "/console.css", "/start", "/state", "/dashboard", "/nowhere"])
def test_nothing_is_read_without_the_token(running, fake, path):
    for cookie in ("", "console=the-token", f"{running.access.cookie}=another"):
        response, body = ask(running, "GET", path, Cookie=cookie)
        assert response.status == 403 and TOKEN.encode() not in body
    assert not fake.looks


@pytest.mark.parametrize(("method", "path"), [key for key in routes._ROUTES if key[0] == "POST"])
def test_nothing_is_written_without_token_and_origin(running, method, path):
    for refused in ({"Cookie": ""}, {"Origin": ""}, {"Origin": "http://127.0.0.1:1"}, {"Host": "rebound.example"}):
        response, _ = ask(running, method, f"{path}?token={TOKEN}", b"{}", **refused)
        assert response.status == 403


def test_no_page_of_another_origin_can_use_what_is_answered(running):
    response, _ = ask(running, "GET", "/")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


def test_the_page_has_no_inline_script_and_loads_nothing_from_elsewhere():
    page = (routes.PAGE / "index.html").read_text()
    assert (
        "<script src=" in page and "onclick" not in page and "style=" not in page and "//" not in page.replace("<!", "")
    )
    script = (routes.PAGE / "console.js").read_text()
    assert not [
        word for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(") if word in script
    ]


@pytest.mark.parametrize("path", ["/nowhere", "/../setup.cfg", "/console.js/", "/page/index.html", "/%2e%2e/setup.cfg"])
def test_an_unknown_path_is_404(running, path):
    assert ask(running, "GET", path)[0].status == 404


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/orders"), ("GET", "/orders"), ("DELETE", "/state"), ("POST", "/")]
)
def test_an_unknown_method_is_405_and_names_those_that_there_are(running, method, path):
    response, _ = ask(running, method, path, b"{}")
    assert response.status == 405 and response.headers["Allow"] in ("GET", "POST")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x" * (MOST_BYTES + 1), {}, 413),
        (b"{}", {"Content_Type": "text/plain"}, 415),
        (b"{}", {"Content_Length": "-1"}, 411),
        (b"{}", {"Content_Length": "two"}, 411),
        (b"{}", {"Content_Length": "9" * 5000}, 413),
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b"[" * 100_000, {}, 400),
        (b"\xff", {}, 400),
        (b"{}", {}, 400),
    ],
)
def test_a_body_that_does_not_fit_is_refused(running, body, headers, status):
    response, said = ask(running, "POST", "/orders", body, **headers)
    assert response.status == status and json.loads(said)["error"]["message"]


def test_a_chunked_body_is_refused_and_the_connection_closed(running):
    with socket.create_connection(("127.0.0.1", running.access.port), timeout=HANGS) as client:
        client.sendall(
            f"POST /orders HTTP/1.1\r\nHost: 127.0.0.1:{running.access.port}\r\n"
            f"Cookie: {running.access.cookie}={TOKEN}\r\nOrigin: http://127.0.0.1:{running.access.port}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".encode()
        )
        answer = b""
        while part := client.recv(4096):  # until it is closed
            answer += part
    assert answer.startswith(b"HTTP/1.1 411") and answer.count(b"HTTP/1.1") == 1


def test_an_address_that_cannot_be_read_is_refused(running, capsys):
    with socket.create_connection(("127.0.0.1", running.access.port), timeout=HANGS) as client:
        client.sendall(b"GET http://[ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 400")


def test_a_browser_that_goes_away_is_no_error(running, capsys):
    head = f"POST /orders HTTP/1.1\r\nHost: 127.0.0.1:{running.access.port}\r\nContent-Length: 9\r\n"
    with socket.create_connection(("127.0.0.1", running.access.port), timeout=HANGS) as client:
        client.sendall(f"{head}Cookie: {running.access.cookie}={TOKEN}\r\n\r\n{{".encode())
    ask(running, "GET", "/")
    assert capsys.readouterr().err == ""


def test_a_failure_is_answered_with_its_hint(running):
    response, said = ask(running, "POST", "/random", b'{"key": ""}')
    assert response.status == 502
    assert json.loads(said)["error"] == {"message": "there is no emulator running", "hint": "make run"}


def test_an_unexpected_error_is_no_traceback_to_the_page(running, fake, monkeypatch, capsys):
    monkeypatch.setattr(fake, "state", lambda: 1 / 0)
    response, said = ask(running, "GET", "/state")
    assert response.status == 500 and b"ZeroDivisionError" in said and b"File" not in said
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_state_that_has_not_changed_is_not_sent_again(running, fake):
    response, body = ask(running, "GET", "/state")
    etag = response.headers["ETag"]
    assert json.loads(body)["looks"] == "a few"
    again, body = ask(running, "GET", "/state", If_None_Match=etag)
    assert again.status == 304 and body == b""
    fake.value = {"problem": None, "looks": "more"}
    assert ask(running, "GET", "/state", If_None_Match=etag)[0].status == 200


def test_many_read_at_once(running):
    with ThreadPoolExecutor(20) as pool:
        assert {status for status in pool.map(lambda _: ask(running, "GET", "/state")[0].status, range(100))} == {200}


def test_nothing_is_read_while_nobody_looks(running, fake):
    ask(running, "GET", "/")
    assert fake.looks == 0


def test_the_token_is_written_to_no_log(running, capsys):
    ask(running, "GET", f"/?token={TOKEN}")
    said = capsys.readouterr()
    assert TOKEN not in said.out + said.err


def test_it_listens_on_this_machine_only(running):
    assert running.socket.getsockname()[0] == "127.0.0.1"


def test_it_stops_at_once_while_a_request_is_being_answered(fake):
    """What --no-browser and Ctrl-C do: tests/e2e/test_console.py ends a whole process."""
    made = Server(0, TOKEN, Console(fake, fake))
    serving = threading.Thread(target=made.serve_forever, args=(0.01,))
    serving.start()
    fake.held.clear()
    reader = threading.Thread(target=lambda: ask(made, "GET", "/state"))
    reader.start()
    eventually(lambda: fake.looks, "the request is being answered")
    made.shutdown()
    made.server_close()
    serving.join(HANGS)
    assert not serving.is_alive() and reader.is_alive()
    assert made.daemon_threads and not made.block_on_close
    fake.held.set()
    reader.join(HANGS)


def test_a_port_in_use_is_said(running, monkeypatch, capsys):
    from console import command

    monkeypatch.setattr(command, "Connection", lambda *_: Fake())
    monkeypatch.setattr(Fake, "current", lambda self: None)
    assert command.main(["--port", str(running.access.port), "--no-browser"]) == 2
    assert "cannot be used" in capsys.readouterr().err


def test_what_is_not_deployed_is_said_with_what_to_do(monkeypatch, capsys):
    from console import command

    monkeypatch.setattr(command, "Connection", lambda *_: Fake())
    assert command.main(["--no-browser"]) == 3
    assert capsys.readouterr().err == "console: there is no emulator running; make run\n"
    assert command.main(["--env", "nowhere", "--no-browser"]) == 2
    assert server.HOST == "127.0.0.1"


INTERRUPTED = """
import runpy, sys
class Interruption:
    def find_spec(self, name, *others):
        if name == "console.command":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interruption())
runpy.run_module("console", run_name="__main__")
"""


def test_an_interruption_while_modules_are_loaded_is_no_traceback():
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=HANGS)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
