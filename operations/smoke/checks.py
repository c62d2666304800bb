"""Run one step of a smoke test, and record it as a check."""

from collections.abc import Callable
from dataclasses import dataclass

from deployer.aws import service_errors
from operations.smoke.rest import Answer

TIMEOUT = 60.0
"""Seconds to wait for asynchronous work. A cold start of all functions takes about 5."""

FIRST_INTERVAL, MAX_INTERVAL, _GROWTH = 0.1, 2.0, 1.5
"""Seconds between polls; each interval is longer than the one before."""


@dataclass(frozen=True)
class Check:
    """One step's result. `detail`: expected and found; "" if `ok`. `order_id`: "" if the step had no order."""

    path: str
    name: str
    ok: bool
    milliseconds: float
    detail: str = ""
    request_id: str = ""
    order_id: str = ""


@dataclass
class SmokeOrder:
    """A test order. `id` is "" until it is known; `stored`: it can be read, so it must be cancelled."""

    customer: str
    id: str = ""
    etag: str = ""
    stored: bool = False

    def order(self) -> dict:
        named = {"orderId": self.id} if self.id else {}
        return {
            **named,
            "customerId": self.customer,
            "items": [{"productId": "smoke-test", "quantity": 1, "price": 0.01}],
            "deliveryAddress": {"street": "Smoke test, do not deliver", "city": "Nowhere", "zipCode": "00000"},
        }


class Unexpected(Exception):
    """A step failed: what was expected, what was found, and the request's id if there was an answer."""

    def __init__(self, expected: str, found: str, request_id: str = ""):
        super().__init__(f"expected {expected}, found {found}")
        self.request_id = request_id


Step = tuple[str, Callable[[], None]]
"""Name and function of a step; the function raises Unexpected, or an error of AWS or the network."""


def made(path: str, name: str, step: Callable[[], None], test: SmokeOrder, clock) -> Check:
    started = clock.monotonic()
    try:
        step()
        problem, request_id = "", ""
    except Unexpected as unexpected:
        problem, request_id = str(unexpected), unexpected.request_id
    except Exception as error:
        explained = service_errors.explain(error)
        if explained is None:
            raise
        problem, request_id = explained.message, ""
    took = (clock.monotonic() - started) * 1000
    return Check(path, name, not problem, round(took, 1), problem, request_id, test.id)


def expect(answer: Answer, status: int) -> Answer:
    if answer.status != status:
        raise Unexpected(str(status), answer.brief(), answer.request_id)
    return answer


def equal(answer: Answer, field: str, value: object) -> None:
    found = answer.document.get(field)
    if found != value:
        raise Unexpected(f"{field} {value!r}", repr(found), answer.request_id)


def eventually(look: Callable, done: Callable[..., bool], expected: str, clock):
    """Poll `look` until `done(answer)` and return the answer. Raises Unexpected after TIMEOUT."""
    deadline, pause = clock.monotonic() + TIMEOUT, FIRST_INTERVAL
    while not done(answer := look()):
        if clock.monotonic() > deadline:
            raise Unexpected(f"{expected} within {TIMEOUT:.0f} s", "nothing", getattr(answer, "request_id", ""))
        clock.sleep(pause)
        pause = min(pause * _GROWTH, MAX_INTERVAL)
    return answer
