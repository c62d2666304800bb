"""The examples of the contract are what the platform does.

`RECORD_EXAMPLES=1` writes what it does to examples/contract.json instead of comparing it: look at the difference.
"""

import json
import os

from generator import examples
from tests.unit.handlers.contract_examples import executed
from tests.unit.handlers.test_orders_events import topic  # noqa: F401 - a fixture

RECORD = "RECORD_EXAMPLES" in os.environ


def test_each_request_is_answered_like_its_example(api, queues, topic, monkeypatch):  # noqa: F811
    given = examples.document()
    result = executed(given, api, queues, topic, monkeypatch)
    if RECORD:
        examples.CONTRACT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    else:
        assert result == given, "if that is meant, run this test with RECORD_EXAMPLES=1"
