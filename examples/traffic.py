#!/usr/bin/env python3
"""Something to look at: orders placed, submitted, read, moved on, cancelled, refused and imported, for a while.

    python examples/traffic.py .local/outputs.json --seconds 180

takes the file that `deploy.py --outputs-file FILE` wrote, as examples/walkthrough.sh does. The same seed asks for the
same things in the same order. The outputs of a deployment to AWS hold no key; give it in API_KEY.
"""

import argparse
import json
import os
import random
import ssl
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "examples" / "import").iterdir())
MENU = {"pizza-margherita": 11.5, "ramen-shoyu": 12.0, "gyoza": 6.5, "tiramisu": 5.25, "falafel-wrap": 8.9}
NEXT = {"pending": "processing", "processing": "out_for_delivery", "out_for_delivery": "delivered"}


class Traffic:
    def __init__(self, outputs: dict, chance: random.Random):
        self.url = outputs["ApiUrl"]
        key = os.environ.get("API_KEY") or outputs.get("ApiKey") or sys.exit("no ApiKey in the outputs; set API_KEY")
        trusted = ssl.create_default_context(cafile=outputs.get("CaBundle"))
        here = httpx.URL(self.url).host in ("127.0.0.1", "localhost", "::1")  # no proxy to it
        self.http = httpx.Client(headers={"x-api-key": key}, timeout=30, verify=trusted, trust_env=not here)
        self.chance = chance
        self.open: dict[str, str] = {}  # status by id of the orders that still move
        self.answers = Counter()

    def step(self) -> None:
        """One request of a kind that is chosen by these weights."""
        kinds = {self.place: 4, self.submit: 3, self.read: 8, self.list: 4, self.move: 8, self.mistake: 2}
        self.chance.choices(list(kinds), list(kinds.values()))[0]()

    def place(self) -> None:
        request = {"Idempotency-Key": str(uuid.uuid4())}
        order = self.order() | {
            "deliveryAddress": {"street": "12 Harbour Road", "city": "Bristol", "zipCode": "BS1 4RN"}
        }
        placed = self.call("POST", "/orders", order, request)
        if "orderId" in placed:
            self.open[placed["orderId"]] = placed["status"]
        if self.chance.random() < 0.1:  # as a client does whose connection broke off
            self.call("POST", "/orders", order, request)

    def submit(self) -> None:
        order = self.order() | {"orderId": f"TRAFFIC-{uuid.uuid4().hex[:12]}"}
        for _ in range(2 if self.chance.random() < 0.1 else 1):
            self.call("POST", "/orders/async", order)

    def read(self) -> None:
        if self.open:
            self.call("GET", f"/orders/{self.chance.choice(list(self.open))}")

    def list(self) -> None:
        self.call("GET", f"/orders/customer/{self.customer()}?limit=10")

    def move(self) -> None:
        if self.open:
            order, status = self.chance.choice(list(self.open.items()))
            following = "cancelled" if status == "pending" and self.chance.random() < 0.1 else NEXT[status]
            self.call("PUT", f"/orders/{order}", {"status": following})
            self.open[order] = following
            if following not in NEXT:
                del self.open[order]

    def mistake(self) -> None:
        express = self.order() | {"delivery": "express"}  # a feature that is off in dev
        empty = self.order() | {"items": []}
        mistakes = [("POST", "/orders/async", wrong) for wrong in (express, empty)]
        mistakes.append(("GET", "/orders/nobody-has-placed-this", None))
        mistakes += [("PUT", f"/orders/{order}", {"status": "pending"}) for order in [*self.open][:1]]
        self.call(*self.chance.choice(mistakes))

    def order(self) -> dict:
        chosen = self.chance.sample(sorted(MENU), self.chance.randint(1, 3))
        items = [{"productId": name, "quantity": self.chance.randint(1, 3), "price": MENU[name]} for name in chosen]
        return {"customerId": self.customer(), "items": items}

    def customer(self) -> str:
        return f"CUST-{self.chance.randint(1, 12):05}"

    def call(self, method: str, path: str, body: dict | None = None, more: dict | None = None) -> dict:
        answer = self.http.request(method, self.url + path, json=body, headers=more)
        self.answers[answer.status_code] += 1
        return answer.json() if answer.is_success else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outputs", type=Path, help="the file of outputs")
    parser.add_argument("--seconds", type=float, default=180, help="how long (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=1, help="requests per second, at most (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the chances (default: %(default)s)")
    options = parser.parse_args()
    outputs = json.loads(options.outputs.read_text())
    where = ["--local"] if "EndpointUrl" in outputs else []
    command = [sys.executable, ROOT / "deploy.py", "--env", outputs["StageName"], *where, "--import"]
    traffic, imports, start = Traffic(outputs, random.Random(options.seed)), [], time.time()  # noqa: S311
    while (passed := time.time() - start) < options.seconds:
        if passed >= options.seconds * len(imports) / len(FILES):
            file = FILES[len(imports)]
            imports.append(subprocess.Popen([*command, file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        traffic.step()
        time.sleep(1 / options.rate)
    whole = sum(each.wait() == 0 for each in imports)
    said = ", ".join(f"{count} x {status}" for status, count in sorted(traffic.answers.items()))
    print(f"answers: {said}; files imported whole: {whole} of {len(imports)}")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, KeyError, httpx.HTTPError) as error:
        sys.exit(f"traffic: {type(error).__name__}: {error}")
