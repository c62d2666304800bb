"""The deployed platform, as a probe sees it."""

import json
import secrets
from functools import cached_property
from typing import Any, NoReturn

from config import environment, names
from conformance import http, limits
from conformance.account import Account
from conformance.http import Answer
from conformance.probe import CannotTry, Differs
from deployer.stacks import reading

ATTEMPTS, UNAVAILABLE = 4, 503


class _Outputs(dict[str, str]):
    """The root stack's outputs; a probe that needs one that is missing says nothing."""

    def __missing__(self, name: str) -> NoReturn:
        raise CannotTry(f"the root stack has no output {name}")


class Environment:
    """One deployed environment: its settings, its outputs, its API and its nested stacks.

    Data that probes write is marked: customers, ids of orders and names of files begin with `mark`. Orders are cancelled
    when the probe ends: `place`, `placed`, `stored` and `cancel_later` leave that to `account.made`.
    """

    def __init__(self, account: Account, settings: environment.Environment, outputs: dict[str, str]):
        self.account, self.settings, self.outputs = account, settings, _Outputs(outputs)

    @property
    def mark(self) -> str:
        return self.account.mark.upper() + "-"

    def client(self, service: Any) -> Any:
        return self.account.client(service)

    @cached_property
    def api_key(self) -> str:
        key = self.client("apigateway").get_api_key(apiKey=self.outputs["ApiKeyId"], includeValue=True)
        return key["value"]

    def for_probe(self) -> "Environment":
        """Return the same environment for one probe, whose `account.made` is its own."""
        return Environment(self.account.for_probe(), self.settings, self.outputs)

    def call(
        self, method: str, path: str, body: bytes | str | None = None, *, key: bool = True, **headers: str
    ) -> Answer:
        """Send one request to the API, as a client would; `headers` with `_` for `-`, spelt as they are sent."""
        if key:
            headers["x-api-key"] = self.api_key
        return http.send(method, self.outputs["ApiUrl"] + path, body, headers, self.account.aws.ca_bundle)

    def send(self, method: str, path: str, document: object, **headers: str) -> Answer:
        """Send a JSON document; again if the API is unavailable, as clients do, with the same Idempotency-Key."""
        sent: dict[str, Any] = {"Content_Type": "application/json", **headers}
        if (method, path) == ("POST", "/orders") and "idempotency-key" not in map(str.lower, headers):
            sent["Idempotency-Key"] = self.new_id()
        for _ in range(ATTEMPTS - 1):
            answer = self.call(method, path, json.dumps(document), **sent)
            if answer.status != UNAVAILABLE:
                return answer
            limits.pause(1)
        return self.call(method, path, json.dumps(document), **sent)

    def new_id(self) -> str:
        """Return an id for an order of the run."""
        return self.mark + secrets.token_hex(6)

    def order(self, **fields: Any) -> dict:
        """Return a marked order of 0.01."""
        return {
            "customerId": self.new_id(),
            "items": [{"productId": "conformance", "quantity": 1, "price": 0.01}],
            "deliveryAddress": {"street": "Conformance, do not deliver", "city": "Nowhere", "zipCode": "00000"},
            **fields,
        }

    def place(self, **fields: Any) -> Answer:
        """Place a marked order and return the answer; the order is cancelled when the probe ends."""
        return self.placed(self.send("POST", "/orders", self.order(**fields)))

    def placed(self, answer: Answer) -> Answer:
        """Have the order of a POST /orders cancelled when the probe ends; raise Differs if there is none."""
        if answer.status != 201:
            raise Differs("201", f"{answer.status} {answer.text[:300]}", "place an order")
        self.cancel_later(answer.document["orderId"])
        return answer

    def cancel_later(self, order_id: str) -> None:
        """Cancel the order when the probe ends; one that is not stored, or is cancelled already, is left alone."""
        self.account.made.callback(self._cancel, order_id)

    def _cancel(self, order_id: str) -> None:
        answer = self.send("PUT", f"/orders/{order_id}", {"status": "cancelled"})
        if answer.status not in (200, 404, 409):
            self.account.left.append(f"order {order_id}: {answer.status} {answer.error.get('code', '')}")

    def stored(self, order_id: str) -> dict:
        """Wait until the order can be read, and return it."""
        self.cancel_later(order_id)

        def read() -> dict | None:
            answer = self.call("GET", f"/orders/{order_id}")
            return answer.document if answer.status == 200 else None

        return self.account.until(read, f"order {order_id} is stored", 10)

    @cached_property
    def stacks(self) -> dict[str, str]:
        """Logical id -> ARN of the root's nested stacks; "" -> the root's name."""
        root = names.root_stack(self.settings.name)
        return {"": root, **reading.nested(self.account.aws, root)}

    def resources(self, nested: str, kind: str = "") -> dict[str, str]:
        """Logical id -> physical id of the resources of a nested stack, of one type or all."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for page in pages.paginate(StackName=self.stacks[nested])
            for each in page["StackResourceSummaries"]
            if kind in ("", each["ResourceType"])
        }

    def needs(self, condition: Any, why: str) -> None:
        """Raise CannotTry with the reason unless the condition is true."""
        if not condition:
            raise CannotTry(why)
