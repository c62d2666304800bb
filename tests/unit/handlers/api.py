"""A fake API Gateway: realistic events in, parsed responses out."""

import copy
import json
import uuid
from dataclasses import dataclass
from types import SimpleNamespace
from urllib.parse import quote

from contract import partners
from contract.routes import ROUTES

TABLE = "orders-test"
UNCHANGED = object()
RANDOM = "R" * partners.RANDOM_LENGTH  # of a partner's key

ORDER = {
    "customerId": "customer-1",
    "items": [
        {"productId": "pizza-margherita", "quantity": 2, "price": 12.5},
        {"productId": "cola", "quantity": 1, "price": 0.1},
    ],
    "deliveryAddress": {"street": "1 Main Street", "city": "Springfield", "zipCode": "12345"},
}


def order(**changes) -> dict:
    """Return a valid OrderRequest with top-level fields replaced (None: removed)."""
    merged = {**copy.deepcopy(ORDER), **changes}
    return {key: value for key, value in merged.items() if value is not None}


def event(
    method: str,
    path: str,
    body: object = None,
    *,
    headers: dict | None = None,
    query: dict | None = None,
    api_key_id: str | None = "key-id-1",
    api_key: str | None = "SECRET-API-KEY",
    base64: bool = False,
    **parameters: str,
) -> dict:
    """Return the proxy event of a REST API, by default of the operator's.

    `body`: a str is unchanged, anything else becomes JSON. A header may have several values.
    """
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    sent = {"Host": "api.example.com", "X-Forwarded-For": "203.0.113.7", **(headers or {})}
    if text is not None and "content-type" not in map(str.lower, sent):
        sent["Content-Type"] = "application/json"
    values = {name: value if isinstance(value, list) else [value] for name, value in sent.items()}
    url = path
    for name, value in parameters.items():
        url = url.replace("{" + name + "}", quote(value))
    return {
        "resource": path,
        "path": url,
        "httpMethod": method,
        "headers": {name: several[-1] for name, several in values.items()},
        "multiValueHeaders": values,
        "queryStringParameters": query or None,
        "multiValueQueryStringParameters": {k: [v] for k, v in query.items()} if query else None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": path,
            "path": f"/dev{url}",
            "httpMethod": method,
            "stage": "dev",
            "requestId": str(uuid.uuid4()),
            "identity": {"apiKey": api_key, "apiKeyId": api_key_id, "sourceIp": "203.0.113.7"},
        },
        "body": text,
        "isBase64Encoded": base64,
    }


CONTEXT = SimpleNamespace(aws_request_id="lambda-request-1", function_name="orders")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict
    body: dict
    text: str

    @property
    def code(self) -> str:
        return self.body["error"]["code"]

    @property
    def details(self) -> list[str]:
        return self.body["error"]["details"]


def send(sent: dict) -> Answer:
    """Send an event to the function of its route."""
    from handlers import orders_command, orders_intake, orders_query

    functions = {"orders_command": orders_command, "orders_query": orders_query, "orders_intake": orders_intake}
    owners = {(route.method, route.path): route.function for route in ROUTES}
    owner = owners.get((sent["httpMethod"], sent["resource"]), "orders_query")
    answer = functions[owner].handler(sent, CONTEXT)
    assert set(answer) == {"statusCode", "headers", "body", "isBase64Encoded"}
    assert all(isinstance(value, str) for value in answer["headers"].values())
    return Answer(answer["statusCode"], answer["headers"], json.loads(answer["body"]), answer["body"])


def key_of_partner(name: str, tier: str = "standard", random: str = RANDOM) -> str:
    return partners.key_of(name, tier, random)


class Api:
    """The routes for one caller, by default the operator, and the items in the table."""

    def __init__(self, database, **key: str) -> None:
        self.database = database
        self.key = key

    def by(
        self, partner: str, tier: str = "standard", key_id: str = "key-id-of-partner", random: str = RANDOM
    ) -> "Api":
        """Return the routes for a partner."""
        return Api(self.database, api_key=key_of_partner(partner, tier, random), api_key_id=key_id)

    def post(self, body: object = UNCHANGED, **options) -> Answer:
        return send(event("POST", "/orders", order() if body is UNCHANGED else body, **self.key | options))

    def submit(self, body: object, **options) -> Answer:
        return send(event("POST", "/orders/async", body, **self.key | options))

    def get(self, order_id: str, **options) -> Answer:
        return send(event("GET", "/orders/{orderId}", orderId=order_id, **self.key | options))

    def put(self, order_id: str, status: object, if_match: str | None = None, **options) -> Answer:
        body = {"status": status} if isinstance(status, str) else status
        headers = options.pop("headers", {}) | ({"If-Match": if_match} if if_match is not None else {})
        return send(event("PUT", "/orders/{orderId}", body, headers=headers, orderId=order_id, **self.key | options))

    def customer(self, customer_id: str, **query) -> Answer:
        texts = {name: str(value) for name, value in query.items() if value is not None}
        return send(event("GET", "/orders/customer/{customerId}", query=texts, customerId=customer_id, **self.key))

    def items(self) -> list[dict]:
        return self.database.scan(TableName=TABLE)["Items"]

    def orders(self) -> list[dict]:
        return [item for item in self.items() if item["timestamp"]["N"] != "0"]
