"""Amounts of the contract, found by walking its schemas: each is exact to the cent, and charged or not by definition."""

import copy
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from contract import fields
from contract.documents import IMPORT_RECORD, ORDER_MESSAGE
from contract.models import ORDER_REQUEST, ORDER_SUBMISSION
from domain import pricing, validation
from domain.errors import OrderError
from tests.unit.domain.examples import example

NOW = 1_767_323_045_678
ROOT = Path(__file__).parents[3]
# Models with an order: schema, and the function that validates it.
TAKES_ORDERS = {
    "OrderRequest": (ORDER_REQUEST, validation.order_request),
    "OrderSubmission": (ORDER_SUBMISSION, lambda document: validation.order_submission(document, NOW)),
    "ImportRecord": (IMPORT_RECORD, lambda document: validation.import_record(document, NOW)),
    "OrderMessage": (ORDER_MESSAGE, validation.order_message),
}
TABLES = {
    "": fields.ORDER_FIELDS,
    "items[0].": fields.ITEM_FIELDS,
    "deliveryAddress.": fields.ADDRESS_FIELDS,
    "payments[0].": fields.PAYMENT_FIELDS,
}
CHARGED = {prefix + each.name: each.charged for prefix, table in TABLES.items() for each in table}


def amounts_in(schema, path=()):
    """Return the path of each `number` in an example of `schema`, as keys and indexes. Searches every keyword."""
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


def test_all_models_with_an_order_have_the_same_amounts():
    amounts = {name: {written(path) for path in amounts_in(schema)} for name, (schema, _) in TAKES_ORDERS.items()}
    assert all(each == amounts["OrderRequest"] for each in amounts.values())


@pytest.mark.parametrize("path", amounts_in(ORDER_REQUEST), ids=written)
def test_the_total_includes_what_is_defined_as_charged_and_nothing_else(path, monkeypatch):
    name = written(path)
    assert CHARGED.get(name) is not None, f"{name}: define it with a Field of contract.fields, charged or not"
    monkeypatch.setattr(pricing, "payments_match", lambda payments, total: True)
    request = validation.order_request(example(ORDER_REQUEST))
    more = with_amount(request, path, at(request, path) + 1)
    assert (pricing.total(more) > pricing.total(request)) == CHARGED[name], name


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


FURTHER_FIELDS = (
    '''
"""Adds fields to the one place that defines an order's, and takes them along every ingestion path."""
import sys, types
from decimal import Decimal
from pathlib import Path

import contract

text = Path("contract/fields.py").read_text()
assert text.count("\\nORDER_FIELDS = (\\n") == 1
more = '''
    + repr("""
    Field("extraTip", money(), "for the courier", charged=True),
    Field("extraDiscount", money(), "for information", charged=False),
    Field("extraNote", text(200), "for the courier"),
    Field("extraFlag", {"type": "boolean"}, "wrap it"),
    Field("extraFees", list_of(_object((Field("fee", money(), "for information", charged=False, required=ALWAYS),)), 9), "extraFees"),
""")
    + '''
contract.fields = sys.modules["contract.fields"] = types.ModuleType("contract.fields")
exec(text.replace("\\nORDER_FIELDS = (\\n", "\\nORDER_FIELDS = (" + more), contract.fields.__dict__)

from contract import imports
from domain import files, messages, orders, strict_json, validation
from domain.callers import Caller
from domain.errors import OrderError

NOW = 1_767_323_045_678
BODY = {
    "customerId": "c",
    "items": [{"productId": "p", "quantity": 1, "price": Decimal("0.5")}],
    "deliveryAddress": {"street": "s", "city": "c", "zipCode": "z"},
}
MORE = {
    "extraTip": Decimal("1.5"), "extraDiscount": 3, "extraNote": "ring twice", "extraFlag": True, "extraFees": [{"fee": Decimal("2.000")}],
}


def of_csv(body):
    """What a row of CSV, which has no lists but its item, says."""
    cells = {"orderId": "mine", **body, **body["items"][0], **body["deliveryAddress"]}
    names = [column.name for column in imports.CSV_COLUMNS if column.name in cells]
    data = ",".join(names) + "\\n" + ",".join(str(cells[name]) for name in names) + "\\n"
    (record,) = files.open_upload("orders/x.csv", lambda offset: iter([data.encode()]))
    read = record.document()
    return validation.import_record({**read, "extraFees": body["extraFees"]} if "extraFees" in body else read, NOW)


READERS = {
    "api": lambda body: validation.order_request(body),
    "pipeline": lambda body: validation.order_submission(body, NOW),
    "import": lambda body: validation.import_record({**body, "orderId": "mine"}, NOW),
    "csv": of_csv,
}


def placed(path, body):
    request = READERS[path](body)
    if path == "api":
        return orders.new_order(request, order_id="mine", now=NOW, features=(), ttl_days=1)
    message = messages.accepted(request, now=NOW, source=path.replace("csv", "import"), features=())
    (read,) = messages.read(strict_json.dumps(message)).values()
    return messages.order_of(read, now=NOW, settings={}, ttl_days=1, correlation_id=None)


prints = set()
for path, read in READERS.items():
    order = placed(path, {**BODY, **MORE})
    assert str(order["totalAmount"]) == "2.00", order
    assert (str(order["extraTip"]), str(order["extraDiscount"]), str(order["extraFees"][0]["fee"])) == ("1.50", "3.00", "2.00"), order
    assert (order["extraNote"], order["extraFlag"]) == ("ring twice", True), order
    shown = orders.representation(order, Caller())
    assert {name: shown[name] for name in MORE} == MORE
    assert placed(path, BODY)["fingerprint"] != order["fingerprint"]
    prints.add(order["fingerprint"])
    for bad, details in (
        ({"extraTip": Decimal("0.001")}, ["extraTip: must have at most 2 decimals"]),
        ({"extraFees": [{"fee": Decimal("0.001")}]}, ["extraFees[0].fee: must have at most 2 decimals"]),
    ):
        try:
            read({**BODY, **bad})
        except OrderError as error:
            assert error.details == details, error.details
        else:
            raise AssertionError(f"{path} takes {bad}")
assert len(prints) == 1
print("done")
'''
)


def test_an_additional_field_is_one_entry_of_the_contract_and_reaches_the_order_on_every_path():
    run = subprocess.run([sys.executable, "-c", FURTHER_FIELDS], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout == "done\n", run.stderr
