"""Amounts of the contract, found by walking its schemas: each is exact to the cent, and each says whether it is paid."""

import copy
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from contract.documents import ORDER_MESSAGE
from contract.imports import IMPORT_RECORD
from contract.schemas import ORDER_REQUEST, ORDER_SUBMISSION
from domain import pricing, validation
from domain.errors import OrderError

NOW = 1_767_323_045_678
ROOT = Path(__file__).parents[3]
# What takes orders: its schema, and what reads it.
TAKES_ORDERS = {
    "OrderRequest": (ORDER_REQUEST, validation.order_request),
    "OrderSubmission": (ORDER_SUBMISSION, lambda document: validation.order_submission(document, NOW)),
    "ImportRecord": (IMPORT_RECORD, lambda document: validation.import_record(document, NOW)),
    "OrderMessage": (ORDER_MESSAGE, validation.order_message),
}
# Whether an amount is part of an order's total is for the domain to say: domain.pricing.total, and then this table.
PART_OF_TOTAL = {"items[0].price": True, "payments[0].amount": False}


def example(schema):
    """A document of `schema` with every field that there is."""
    match schema["type"]:
        case "object":
            # itemId is another name of productId: one of them.
            return {name: example(each) for name, each in schema["properties"].items() if name != "itemId"}
        case "array":
            return [example(schema["items"])]
        case "string":
            return schema.get("enum", ["2026-01-02"])[0]
    return schema.get("minimum", 1) or 1


def amounts_in(schema, path=()):
    """The way to each `number` in an example of `schema`: keys and indexes. Looks into every keyword."""
    if isinstance(schema, list):
        return [found for each in schema for found in amounts_in(each, path)]
    if not isinstance(schema, dict):
        return []
    found = [path] if "number" in (schema.get("type"), *(schema.get("type") or ())) else []
    for keyword, each in schema.items():
        if keyword == "properties":
            found += [inner for name, field in each.items() for inner in amounts_in(field, (*path, name))]
        else:
            found += amounts_in(each, (*path, 0) if keyword == "items" else path)
    return found


def written(path):
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def at(document, path):
    for part in path:
        document = document[part]
    return document


def with_amount(document, path, amount):
    changed = copy.deepcopy(document)
    at(changed, path[:-1])[path[-1]] = amount
    return changed


PLACES = [(name, path) for name, (schema, _) in TAKES_ORDERS.items() for path in amounts_in(schema)]


@pytest.mark.parametrize("name, path", PLACES, ids=lambda value: value if isinstance(value, str) else written(value))
def test_every_amount_is_refused_with_three_decimals_and_kept_in_cents(name, path, monkeypatch):
    monkeypatch.setattr(pricing, "payments_match", lambda payments, total: True)  # one amount changes, not the others
    schema, read = TAKES_ORDERS[name]
    document = example(schema)
    for amount in (0, 1, Decimal("0.5"), Decimal("4.80"), Decimal("7.0000")):
        kept = at(read(with_amount(document, path, amount)), path)
        assert isinstance(kept, Decimal) and kept == amount and kept.as_tuple().exponent == -2
    with pytest.raises(OrderError) as refused:
        read(with_amount(document, path, Decimal("1.005")))
    assert refused.value.details == [f"{written(path)}: must have at most 2 decimals"]


def test_what_takes_orders_takes_the_same_amounts():
    places = {name: {written(path) for path in amounts_in(schema)} for name, (schema, _) in TAKES_ORDERS.items()}
    assert all(each == places["OrderRequest"] for each in places.values())


def test_each_amount_says_whether_it_is_part_of_the_total():
    places = {written(path): path for path in amounts_in(ORDER_REQUEST)}
    assert set(places) == set(PART_OF_TOTAL), "a new money field must say whether it is part of the total"
    request = validation.order_request(example(ORDER_REQUEST))
    for name, path in places.items():
        more = with_amount(request, path, at(request, path) + 1)
        assert (pricing.total(more["items"]) > pricing.total(request["items"])) == PART_OF_TOTAL[name], name


def test_several_amounts_that_are_no_cents_are_all_named():
    items = [{"productId": "p", "quantity": 1, "price": price} for price in (Decimal("0.001"), 1, Decimal("0.009"))]
    document = {**example(ORDER_REQUEST), "items": items, "payments": [{"method": "card", "amount": Decimal("1e-9")}]}
    with pytest.raises(OrderError) as refused:
        validation.order_request(document)
    assert [line.split(":")[0] for line in refused.value.details] == [
        "items[0].price",
        "items[2].price",
        "payments[0].amount",
    ]


A_FIELD_MORE = '''
"""Adds fields to the one place that defines an order's, and takes them all the way."""
import sys, types
from decimal import Decimal
from pathlib import Path

import contract

text = Path("contract/schemas.py").read_text()
assert text.count("ORDER_FIELDS = {\\n") == 1
fields = '"tip": MONEY, "fees": {"type": "array", "items": closed_object({"fee": MONEY}, ["fee"])},'
contract.schemas = sys.modules["contract.schemas"] = types.ModuleType("contract.schemas")
exec(text.replace("ORDER_FIELDS = {\\n", "ORDER_FIELDS = {" + fields), contract.schemas.__dict__)

from domain import messages, orders, strict_json, validation
from domain.errors import OrderError

NOW = 1_767_323_045_678
BODY = {
    "customerId": "c",
    "items": [{"productId": "p", "quantity": 1, "price": Decimal("0.5")}],
    "deliveryAddress": {"street": "s", "city": "c", "zipCode": "z"},
}
MORE = {"tip": Decimal("1.5"), "fees": [{"fee": Decimal("2.000")}]}
READERS = {
    "api": lambda body: validation.order_request(body),
    "pipeline": lambda body: validation.order_submission(body, NOW),
    "import": lambda body: validation.import_record({**body, "orderId": "mine"}, NOW),
}


def placed(source, body):
    request = READERS[source](body)
    if source == "api":
        return orders.new_order(request, order_id="mine", now=NOW, features=(), ttl_days=1)
    message = messages.new_message(request, now=NOW, source=source, features=())
    read = messages.read(strict_json.dumps(message))
    return messages.order_of(read, now=NOW, features=(), ttl_days=1, correlation_id=None)


prints = set()
for source, read in READERS.items():
    order = placed(source, {**BODY, **MORE})
    assert str(order["tip"]) == "1.50" and str(order["fees"][0]["fee"]) == "2.00", order
    shown = orders.representation(order)
    assert (shown["tip"], shown["fees"]) == (order["tip"], order["fees"])
    assert placed(source, BODY)["fingerprint"] != order["fingerprint"]
    prints.add(order["fingerprint"])
    for bad, name in (({"tip": Decimal("0.001")}, "tip"), ({"fees": [{"fee": Decimal("0.001")}]}, "fees[0].fee")):
        try:
            read({**BODY, **bad})
        except OrderError as error:
            assert error.details == [name + ": must have at most 2 decimals"], error.details
        else:
            raise AssertionError(f"{source} takes {bad}")
assert len(prints) == 1
print("done")
'''


def test_a_further_money_field_is_one_entry_of_the_contract_and_travels_all_the_way():
    run = subprocess.run([sys.executable, "-c", A_FIELD_MORE], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout == "done\n", run.stderr
