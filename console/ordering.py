"""Place and advance orders through the public API, as a client does."""

import json
import secrets
from pathlib import Path
from urllib.parse import quote

from console.deployment import Deployment
from operations.smoke.rest import Answer

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
AT_ONCE = 10
"""Orders of one click on "ten random orders"."""

_PATHS = {"sync": "/orders", "async": "/orders/async"}
_MENU = {"pizza-margherita": 11.5, "ramen-shoyu": 12.0, "gyoza": 6.5, "tiramisu": 5.25, "falafel-wrap": 8.9}
_ADDRESS = {"street": "12 Harbour Road", "city": "Bristol", "zipCode": "BS1 4RN"}
_chance = secrets.SystemRandom()


def examples() -> dict[str, object]:
    """Return the example orders by the name of their file."""
    return {file.name: json.loads(file.read_text()) for file in sorted(EXAMPLES.glob("order*.json"))}


def place(deployment: Deployment, key: str, how: str, document: object) -> dict:
    """Place an order. `how`: sync or async. Returns what was sent and answered."""
    return _called(deployment, key, "POST", _PATHS[how], document)


def place_random(deployment: Deployment, key: str) -> dict:
    """Place AT_ONCE orders, about half of them by each path; return the first answer that is an error, else the last."""
    statuses, answer = [], {}
    for _ in range(AT_ONCE):
        answer = place(deployment, key, _chance.choice(list(_PATHS)), _random_order())
        statuses.append(answer["status"])
        if not 200 <= answer["status"] < 300:
            break
    return {**answer, "statuses": statuses}


def place_conflict(deployment: Deployment, key: str) -> dict:
    """Submit two different orders under one orderId: both are accepted, the worker stores one and rejects the other."""
    order_id = f"CONSOLE-{secrets.token_hex(6)}"
    first = place(deployment, key, "async", {**_random_order(), "orderId": order_id, "customerId": "CUST-00001"})
    if first["status"] != 202:
        return first
    return place(deployment, key, "async", {**_random_order(), "orderId": order_id, "customerId": "CUST-00002"})


def advance(deployment: Deployment, key: str, order_id: str, version: int, status: str) -> dict:
    """Move an order to `status` if its version is still `version`."""
    return _called(deployment, key, "PUT", _path(order_id), {"status": status}, {"If-Match": f'"{version}"'})


def read(deployment: Deployment, key: str, order_id: str) -> dict:
    return _called(deployment, key, "GET", _path(order_id))


def _path(order_id: str) -> str:
    return f"/orders/{quote(order_id, safe='~', errors='replace')}"


def _called(
    deployment: Deployment,
    key: str,
    method: str,
    path: str,
    document: object = None,
    headers: dict[str, str] | None = None,
) -> dict:
    answer = deployment.api(key).call(method, path, document, headers)
    return {"method": method, "path": path, "status": answer.status, "requestId": answer.request_id, **_body(answer)}


def _body(answer: Answer) -> dict:
    """Return the error's code, message and details, or the document."""
    error = answer.document.get("error")
    if isinstance(error, dict):
        return {"error": {name: error[name] for name in ("code", "message", "details") if name in error}}
    if not 200 <= answer.status < 300:
        return {"error": {"code": "no_answer" if not answer.status else "error", "message": answer.brief()}}
    return {"document": answer.document}


def _random_order() -> dict:
    chosen = _chance.sample(sorted(_MENU), _chance.randint(1, 3))
    return {
        "customerId": f"CUST-{_chance.randint(1, 12):05}",
        "items": [{"productId": name, "quantity": _chance.randint(1, 3), "price": _MENU[name]} for name in chosen],
        "deliveryAddress": _ADDRESS,
    }
