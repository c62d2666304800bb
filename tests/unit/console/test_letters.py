"""Dead letters: which can be redriven."""

from types import SimpleNamespace

import pytest

from console import letters
from generator.functions import DEAD_LETTER_QUEUES
from generator.queues import ORDER_QUEUE
from operations.queues.lookup import Queue

STACK = {"Outputs": [{"OutputKey": "OrdersImportFunction", "OutputValue": "import"}]}


def queue(name: str, redrive_policy: str = "") -> Queue:
    return Queue(name, "", {"QueueArn": f"arn:{name}"} | ({"RedrivePolicy": redrive_policy} if redrive_policy else {}))


QUEUES = {each.title: queue(each.title) for each in DEAD_LETTER_QUEUES} | {
    ORDER_QUEUE.title: queue(ORDER_QUEUE.title, f'{{"deadLetterTargetArn": "arn:{ORDER_QUEUE.dead_letters.title}"}}')
}


@pytest.mark.parametrize("name", [each.title for each in DEAD_LETTER_QUEUES])
def test_what_cannot_be_redriven_says_what_to_do(name):
    said = letters.remedy(SimpleNamespace(stack=STACK), QUEUES, QUEUES[name])
    assert bool(said) == (name not in ("OrderQueueDLQ", "OrderImportDLQ")), said
