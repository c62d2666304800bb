"""Queues with many messages, and how long their poller pauses."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# Each program runs in a separate process, since a patch stays applied.
PATCHED = """
import json, sys, time
from pathlib import Path
from emulator import registry, server

server.configure(1, Path(sys.argv[1]), iam=False)
registry.apply(registry.left_out())

from ministack.services import lambda_svc, sqs
"""

RECEIVE = """
touched = set()

class Message(dict):
    def __getitem__(self, key):
        touched.add(self.get("id"))
        return super().__getitem__(key)

dead = sqs._act_create_queue({"QueueName": "dead"}, "")["QueueUrl"]
arn = sqs._get_q(dead)["attributes"]["QueueArn"]
redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
url = sqs._act_create_queue({"QueueName": "orders", "Attributes": {"RedrivePolicy": redrive}}, "")["QueueUrl"]
for number in range(200):
    sqs._act_send_message({"QueueUrl": url, "MessageBody": str(number)}, "")
queue = sqs._get_q(url)
queue["messages"] = [Message(message) for message in queue["messages"]]

got = sqs._receive_messages_for_esm(url, 10)
sqs._delete_messages_for_esm(url, {message["receipt_handle"] for message in got[1:]})
looked_at = len(touched)
for _ in range(2):  # the one that was not deleted comes again, then it is a dead letter
    queue["messages"][0]["visible_at"] = 0
    again = [message["body"] for message in sqs._receive_messages_for_esm(url, 10)]
print(json.dumps({
    "looked at": looked_at,
    "received": [message["body"] for message in got],
    "after": again,
    "dead": [message["body"] for message in sqs._get_q(dead)["messages"]],
    "left": len(queue["messages"]),
}))
"""


PAUSE = """
class Paused(BaseException): pass

class Clock:
    def __getattr__(self, name):
        return getattr(time, name)

    def sleep(self, seconds):
        raise Paused(seconds)

def nothing_to_do():
    lambda_svc._esm_wake.set()
    return False

lambda_svc.time, lambda_svc._poll_sqs = Clock(), nothing_to_do
try:
    lambda_svc._poll_loop()
except Paused as pause:
    print(json.dumps(pause.args[0]))
"""


def run(program: str, state: Path) -> Any:
    ended = subprocess.run(
        [sys.executable, "-c", PATCHED + program, str(state)], capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.parametrize("without", ["", "poller_pause"])
def test_the_poller_hardly_pauses_after_a_wake_that_found_nothing(tmp_path, monkeypatch, without: str) -> None:
    monkeypatch.setenv("EMULATOR_WITHOUT_PATCHES", without)
    seconds = run(PAUSE, tmp_path)
    assert (seconds <= 0.005) is not bool(without), "the patch is not needed: delete it"


@pytest.mark.parametrize("without", ["", "long_queues"])
def test_a_receive_looks_only_at_what_it_receives(tmp_path, monkeypatch, without: str) -> None:
    monkeypatch.setenv("EMULATOR_WITHOUT_PATCHES", without)
    found = run(RECEIVE, tmp_path)
    assert found["received"] == [str(number) for number in range(10)]
    assert found["after"][:9] == [str(number) for number in range(19, 28)]
    assert (found["dead"], found["left"]) == (["0"], 190)
    if without:
        assert found["looked at"] == 200, "the patch is not needed: delete it"
    else:
        assert found["looked at"] <= 20
