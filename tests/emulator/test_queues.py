"""How queues bear what waits in them."""

import json
import subprocess
import sys

import pytest

# In a process of its own, since a patch stays applied.
PROGRAM = """
import json, sys
from pathlib import Path
from emulator import registry, server

server.configure(1, Path(sys.argv[1]), iam=False)
registry.apply(registry.left_out())

from ministack.services import sqs

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


@pytest.mark.parametrize("without", ["", "long_queues"])
def test_a_receive_looks_only_at_what_it_receives(tmp_path, monkeypatch: pytest.MonkeyPatch, without: str) -> None:
    monkeypatch.setenv("EMULATOR_WITHOUT_PATCHES", without)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["received"] == [str(number) for number in range(10)]
    assert found["after"][:9] == [str(number) for number in range(19, 28)]
    assert (found["dead"], found["left"]) == (["0"], 190)
    if without:
        assert found["looked at"] == 200, "the patch is not needed: delete it"
    else:
        assert found["looked at"] <= 20
