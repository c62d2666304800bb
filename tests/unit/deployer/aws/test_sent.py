"""Recorded writes of real clients against an endpoint with scripted responses."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.config import Config

from deployer.aws.sent import Answer, Sent
from deployer.commands import side_effects

OK = (
    b'<ExecuteChangeSetResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">'
    b"<ExecuteChangeSetResult/></ExecuteChangeSetResponse>"
)
REFUSED = b"<ErrorResponse><Error><Code>InvalidChangeSetStatus</Code><Message>no</Message></Error></ErrorResponse>"
HANG_UP = None


@contextmanager
def endpoint(answers):
    """Answers the requests in turn: (status, body), or HANG_UP."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            answer = answers.pop(0)
            if answer is HANG_UP:
                self.close_connection = True
                self.connection.close()
                return
            status, body = answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def client(sent, url, attempts):
    config = Config(retries={"mode": "standard", "total_max_attempts": attempts}, connect_timeout=2, proxies={})
    return sent.watched(boto3.client("cloudformation", "us-east-1", endpoint_url=url, config=config))


@pytest.mark.parametrize(
    "answers, expected",
    [
        ([(200, OK)], Answer.DONE),
        ([(400, REFUSED)], Answer.REFUSED),
        ([HANG_UP, (200, OK)], Answer.DONE),
        ([HANG_UP], Answer.UNKNOWN),
        ([(503, b"<html>busy</html>")], Answer.UNKNOWN),
        ([(200, b"<html>sign in")], Answer.UNKNOWN),
        ([HANG_UP, (400, REFUSED)], Answer.UNKNOWN),
    ],
    ids=[
        "done",
        "refused",
        "done at the second attempt",
        "lost",
        "server error",
        "no answer of AWS's",
        "lost, refused",
    ],
)
def test_an_ambiguous_response_is_not_a_refusal(answers, expected):
    sent, attempts = Sent(), len(answers)
    with endpoint(list(answers)) as url:
        try:
            client(sent, url, attempts).execute_change_set(ChangeSetName="c", ClientRequestToken="t")
        except Exception:
            assert expected is not Answer.DONE
    [write] = sent.writes
    assert (write.operation, write.token, write.answer, write.attempts) == ("ExecuteChangeSet", "t", expected, attempts)
    assert (sent.operation() is None) is (expected is Answer.REFUSED)
    assert (side_effects.sentence(sent) == side_effects.NOTHING) is (expected is Answer.REFUSED)


def test_what_never_left_changed_nothing():
    sent = Sent()
    with endpoint([]) as url:
        pass  # nothing listens there any more
    with pytest.raises(Exception, match="Could not connect"):
        client(sent, url, 1).execute_change_set(ChangeSetName="c", ClientRequestToken="t")
    assert side_effects.sentence(sent) == side_effects.NOTHING and sent.operation() is None


def test_a_look_is_no_change():
    sent = Sent()
    with endpoint([(400, REFUSED)]) as url, pytest.raises(Exception, match="no"):
        client(sent, url, 1).describe_stacks(StackName="s")
    assert sent.writes == []
