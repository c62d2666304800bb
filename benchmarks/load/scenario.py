"""The order API under load, by locust: the mix of requests that partners send.

    make load OUTPUTS=.local/outputs.json RATE=20 DURATION=60

Each user sends one request a second, so the number of users is the rate. OUTPUTS is the file of
`deploy.py --outputs-file`; API_KEY is the key for a deployment to AWS, whose outputs hold none.
"""

import json
import os
import random
import ssl
import sys
import time
import uuid
from pathlib import Path

from locust import FastHttpUser, events, task

CUSTOMERS = 50
REMEMBERED = 20  # orders of each user, to read and to change
ADDRESS = {"street": "12 Harbour Road", "city": "Bristol", "zipCode": "BS1 4RN"}
MENU = {"pizza-margherita": 11.5, "ramen-shoyu": 12.0, "gyoza": 6.5, "tiramisu": 5.25, "falafel-wrap": 8.9}
NEXT = {"pending": "processing", "processing": "out_for_delivery", "out_for_delivery": "delivered"}
LOCAL = "EndpointUrl"  # an output of local deployments only
WARNING = """
{url} is not on this machine. Each request is billed (docs/cost.md), each order is stored and announced to subscribers,
and alarms may notify people. Above the environment's rate_limit and daily_quota the usage plan answers 429, which is
reported as "throttled".
"""


def read_outputs() -> dict[str, str]:
    file = os.environ.get("OUTPUTS", ".local/outputs.json")
    try:
        found = json.loads(Path(file).read_text(encoding="utf-8-sig"))
        if not isinstance(found, dict) or not {"ApiUrl", "StageName"} <= found.keys():
            raise ValueError("no outputs of a deployment")
        return found
    except (OSError, ValueError) as error:
        sys.exit(f"{file}: {error}; `deploy.py --outputs-file FILE` writes it")


outputs = read_outputs()
key = os.environ.get("API_KEY") or outputs.get("ApiKey") or sys.exit("no ApiKey in the outputs; set API_KEY")


@events.init.add_listener
def warn(**_: object) -> None:
    if outputs["StageName"] == "prod":
        sys.exit("the orders of a load test would be stored and announced: not in prod")
    if LOCAL not in outputs:
        print(WARNING.format(url=outputs["ApiUrl"]), file=sys.stderr)


@events.quitting.add_listener
def fail_if_nothing_was_sent(environment, **_: object) -> None:
    if environment.stats.total.num_requests == 0:
        print("no request was sent: the run was too short", file=sys.stderr)
        environment.process_exit_code = 1


def trusting(cafile: str | None = None) -> ssl.SSLContext:
    """Return what the deployment's session trusts, else the certificates of `cafile`, locust's own."""
    return ssl.create_default_context(cafile=outputs.get("CaBundle", cafile))


class User(FastHttpUser):
    """Sends one request in each second, at a random moment of it; after a slow answer it catches up."""

    abstract = True
    insecure = False  # locust trusts any certificate by default; the requests carry the API key
    ssl_context_factory = staticmethod(trusting)

    def on_start(self) -> None:
        self.second = time.monotonic()  # the next one begins
        time.sleep(self.wait_time())

    def wait_time(self) -> float:
        moment = self.second + random.random()
        self.second += 1
        return max(0.0, moment - time.monotonic())


class Floor(User):
    """Calls a function that does nothing, with which benchmarks/sections/load.py compares."""

    host = os.environ.get("FLOOR_URL", "")

    @task
    def call(self) -> None:
        self.client.get("/")


class Partner(User):
    """Places and submits orders, reads and lists them, and changes the status of its own."""

    host = outputs["ApiUrl"]

    def on_start(self) -> None:
        super().on_start()
        self.orders: dict[str, str] = {}  # status by id

    @task(4)
    def place(self) -> None:
        order = {**self._order(), "deliveryAddress": ADDRESS}
        answer = self._send("POST", "/orders", 201, order, {"Idempotency-Key": str(uuid.uuid4())})
        if answer:
            self.orders[answer["orderId"]] = answer["status"]
        if len(self.orders) > REMEMBERED:
            del self.orders[next(iter(self.orders))]

    @task(3)
    def submit(self) -> None:
        self._send("POST", "/orders/async", 202, self._order())

    @task(8)
    def read(self) -> None:
        if not self.orders:
            return self.place()
        self._send("GET", f"/orders/{random.choice(list(self.orders))}", 200, name="/orders/{orderId}")

    @task(4)
    def list_orders(self) -> None:
        path = f"/orders/customer/{self._customer()}?limit=10"
        self._send("GET", path, 200, name="/orders/customer/{customerId}")

    @task(4)
    def change(self) -> None:
        order_id = next((order_id for order_id, status in self.orders.items() if status in NEXT), None)
        if order_id is None:
            return self.place()
        status = NEXT[self.orders[order_id]]
        if self._send("PUT", f"/orders/{order_id}", 200, {"status": status}, name="/orders/{orderId}"):
            self.orders[order_id] = status

    def _send(
        self, method: str, path: str, wanted: int, body: dict | None = None, more: dict | None = None, name: str = ""
    ) -> dict | None:
        """Send a request; return the body of the answer, None unless its status is `wanted`."""
        headers = {"x-api-key": key, **(more or {})}
        with self.client.request(
            method, path, json=body, headers=headers, name=name or path, catch_response=True
        ) as answer:
            if answer.status_code == wanted:
                answer.success()
                return answer.json()
            refused = f"answered {answer.status_code}" if answer.status_code else f"no answer: {answer.error}"
            answer.failure("throttled" if answer.status_code == 429 else refused)
        return None

    def _order(self) -> dict:
        names = random.sample(sorted(MENU), random.randint(1, 3))
        items = [{"productId": name, "quantity": random.randint(1, 3), "price": MENU[name]} for name in names]
        return {"customerId": self._customer(), "items": items}

    def _customer(self) -> str:
        return f"LOAD-{random.randrange(CUSTOMERS)}"
