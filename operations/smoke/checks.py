"""What a check is, and the means of making one."""

from collections.abc import Callable
from dataclasses import dataclass

from deployer.aws import service_errors
from operations.smoke.rest import Answer

PATIENCE = 60.0
"""Seconds until what the platform does by itself must have been done. A cold start of all functions takes about 5."""

FIRST_PAUSE, LONGEST_PAUSE, _GROWTH = 0.1, 2.0, 1.5
"""Seconds between two looks; each is longer than the one before."""


@dataclass(frozen=True)
class Check:
    """One thing that was tried. `detail`: what was expected and what came; "" when all is well.
    `order_id`: the one that it was about, as far as it had one."""

    path: str
    name: str
    ok: bool
    milliseconds: float
    detail: str = ""
    request_id: str = ""
    order_id: str = ""


@dataclass
class Trial:
    """A test order on its way. `id` is "" until it is known; `stored`: it can be read, so it can be cancelled."""

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
    """Something else than expected: what, what came instead, and the request's id where there was an answer."""

    def __init__(self, expected: str, found: str, request_id: str = ""):
        super().__init__(f"expected {expected}, found {found}")
        self.request_id = request_id


Step = tuple[str, Callable[[], None]]
"""What it is called, and what does it; raises Unexpected, or what AWS and the network raise."""


def made(path: str, name: str, step: Callable[[], None], trial: Trial, clock) -> Check:
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
    return Check(path, name, not problem, round(took, 1), problem, request_id, trial.id)


def expect(answer: Answer, status: int) -> Answer:
    if answer.status != status:
        raise Unexpected(str(status), answer.brief(), answer.request_id)
    return answer


def equal(answer: Answer, field: str, value: object) -> None:
    found = answer.document.get(field)
    if found != value:
        raise Unexpected(f"{field} {value!r}", repr(found), answer.request_id)


def eventually(look: Callable, done: Callable[..., bool], expected: str, clock):
    """The first answer that is done; Unexpected after PATIENCE."""
    deadline, pause = clock.monotonic() + PATIENCE, FIRST_PAUSE
    while not done(answer := look()):
        if clock.monotonic() > deadline:
            raise Unexpected(f"{expected} within {PATIENCE:.0f} s", "nothing", getattr(answer, "request_id", ""))
        clock.sleep(pause)
        pause = min(pause * _GROWTH, LONGEST_PAUSE)
    return answer
