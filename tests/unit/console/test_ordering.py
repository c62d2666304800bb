"""What the console sends to the API."""

from types import SimpleNamespace

import pytest

from console import ordering
from operations.smoke.rest import Answer


@pytest.mark.parametrize(
    ("order_id", "path"),
    [
        ("acme~X", "/orders/acme~X"),
        ("../me/orders", "/orders/..%2Fme%2Forders"),
        ("a?b#c", "/orders/a%3Fb%23c"),
        ("\ud800", "/orders/%3F"),
    ],
    ids=["a partner's", "slashes", "query", "half a character"],
)
def test_an_id_stays_one_segment_of_the_path(order_id, path):
    sent = []
    api = SimpleNamespace(call=lambda method, path, *_: sent.append(path) or Answer(200, ""))
    deployment = SimpleNamespace(api=lambda key: api)
    ordering.read(deployment, "key", order_id)
    ordering.advance(deployment, "key", order_id, 1, "processing")
    assert sent == [path, path]
