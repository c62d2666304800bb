"""Validate documents against the contract's schemas and the rules that a schema cannot state.

A compiled validator that stops at the first problem checks each document. For a document that fails, a second one
(compiled once per process) collects all problems. `domain.admission` checks settings.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Literal

import fastjsonschema

from contract.dialects import validated
from contract.documents import DOCUMENTS
from contract.fields import ITEM_ALIASES
from contract.models import MODELS
from contract.schemas import MIN_TIMESTAMP, RESERVED_ID_PREFIXES, RESERVED_IDS
from contract.text import PRINTABLE_PATTERN, VISIBLE_PATTERN
from domain import pricing
from domain.errors import OrderError, UnknownFormat

MAX_DETAILS = 20
_LONGEST_NAME = 40  # characters of an unknown name that are compared with known ones
FUTURE_MS = 5 * 60 * 1000  # by which a client's clock may be ahead

_SCHEMAS = MODELS | DOCUMENTS


def warm_up(*models: str) -> None:
    """Compile the models that a function checks: at import, not at its first request."""
    for model in models:
        _fast(model)
        _money(model)


def order_request(document: Any) -> dict:
    """Return `document` as an OrderRequest, with each amount as a Decimal of two decimals, never rounded.

    Raises OrderError("invalid_request") with every problem in its details, or OrderError("payment_mismatch").
    """
    check("OrderRequest", document)
    return _payable(_normal("OrderRequest", document, []))


def customers_order(document: Any, customer_id: str) -> dict:
    """As order_request, for a MyOrderRequest of this customer, which becomes an OrderRequest of the same rules."""
    check("MyOrderRequest", document)
    if document.get("customerId", customer_id) != customer_id:
        raise OrderError("invalid_request", ["customerId: must be the token's subject, or be left out"])
    return _payable(_normal("OrderRequest", {**document, "customerId": customer_id}, []))


def order_submission(document: Any, now: int) -> dict:
    """As order_request, for an OrderSubmission, with aliases of fields resolved. `now` is in epoch ms."""
    return _submission("OrderSubmission", document, now)


def import_record(document: Any, now: int) -> dict:
    """As order_submission, for an ImportRecord."""
    return _submission("ImportRecord", document, now)


def order_message(document: Any) -> dict:
    """Return `document` as an OrderMessage, its amounts in cents.

    Check whether it can be stored, but not again what was checked when the order was accepted (limits, settings, the
    clock). Raises UnknownFormat for fields and values that this version does not know, even if something else is wrong:
    they may change what the rest means. Raises OrderError("invalid_request") with every problem in its details.
    """
    _check_known("OrderMessage", document)
    return _normal("OrderMessage", document, [])


def orders_message(document: Any) -> list:
    """Return the orders of an OrdersMessage, unchecked. Raises as order_message does."""
    _check_known("OrdersMessage", document)
    return document["orders"]


def status_update(document: Any, model: str = "StatusUpdate") -> str:
    """Return the status in a StatusUpdate or a Cancellation. Raises OrderError("invalid_request")."""
    check(model, document)
    return document["status"]


def check(model: str, document: object) -> None:
    """Raise OrderError("invalid_request") unless `document` is a `model` of the contract."""
    try:
        _fast(model)(document)
    except fastjsonschema.JsonSchemaException:
        _raise_if(_lines(_schema_errors(model, document)))


def _check_known(model: str, document: object) -> None:
    """As `check`, but raise UnknownFormat if a newer version may have written `document`."""
    try:
        _fast(model)(document)
    except fastjsonschema.JsonSchemaException:
        errors = _schema_errors(model, document)
        if unknown := [error for error in errors if _is_unknown(error)]:
            raise UnknownFormat(first_of(_lines(unknown))) from None
        _raise_if(_lines(errors))


def _submission(model: str, document: Any, now: int) -> dict:
    check(model, document)
    problems = _future(document, now)
    chosen = document.get("orderId", "")
    problems += [
        f"orderId: must not start with {prefix}" for prefix in RESERVED_ID_PREFIXES if chosen.startswith(prefix)
    ]
    if chosen in RESERVED_IDS:
        problems.append(f"orderId: must not be one of {', '.join(RESERVED_IDS)}")
    items = [{ITEM_ALIASES.get(key, key): value for key, value in item.items()} for item in document["items"]]
    return _payable(_normal(model, {**document, "items": items}, problems))


def _payable(request: dict) -> dict:
    """Return `request` if it has no payments or they add up. Raises OrderError("payment_mismatch")."""
    total = pricing.total(request)
    if "payments" in request and not pricing.payments_match(request["payments"], total):
        raise OrderError("payment_mismatch", [f"payments: must sum to {total}"])
    return request


def _future(document: dict, now: int) -> list[str]:
    too_far = document.get("timestamp", 0) > now + FUTURE_MS
    return ["timestamp: must not be more than 5 minutes in the future"] if too_far else []


def _normal(model: str, document: dict, problems: list[str]) -> dict:
    """Return `document` with its amounts in cents. Raise OrderError for `problems` and any problem with an amount."""
    request = _in_cents(document, _money(model), "", problems)
    _raise_if(problems)
    return request


Money = Literal[True] | dict | list
"""Where a schema has amounts. True: here; dict: in these fields; list of one: in each element; {}: nowhere."""


@cache
def _money(model: str) -> Money:
    return _money_in(_SCHEMAS[model])


def _money_in(schema: dict) -> Money:
    # Every `number` of the contract is an amount; counts are `integer`.
    if schema.get("type") == "number":
        return True
    if "items" in schema:
        element = _money_in(schema["items"])
        return [element] if element else {}
    fields = {name: _money_in(each) for name, each in schema.get("properties", {}).items()}
    return {name: money for name, money in fields.items() if money}


def _in_cents(value: Any, money: Money, path: str, problems: list[str]) -> Any:
    """Return `value` with its amounts in cents; append those that cannot be to `problems`. `path` is where `value` is."""
    if money is True:
        amount = pricing.to_cents(value)
        if amount is None:
            problems.append(f"{path}: must have at most 2 decimals")
        return amount
    if isinstance(money, list):
        return [_in_cents(each, money[0], f"{path}[{index}]", problems) for index, each in enumerate(value)]
    amounts = {
        name: _in_cents(value[name], inner, _join(path, name), problems)
        for name, inner in money.items()
        if name in value
    }
    return {**value, **amounts}


def _raise_if(problems: list[str]) -> None:
    if problems:
        raise OrderError("invalid_request", first_of(problems))


def first_of(texts: list[str]) -> list[str]:
    """Return the first MAX_DETAILS texts, and how many more there are."""
    return texts if len(texts) <= MAX_DETAILS else [*texts[:MAX_DETAILS], f"and {len(texts) - MAX_DETAILS} more"]


def _schema_errors(model: str, document: object) -> list[fastjsonschema.JsonSchemaValueException]:
    try:
        _collecting(model)(document)
    except fastjsonschema.JsonSchemaValuesException as error:
        return error.errors
    raise AssertionError("the two validators of one schema disagree")


def _is_unknown(error: fastjsonschema.JsonSchemaValueException) -> bool:
    """Return whether a newer version may have written this: a new field, or a new value of a known one."""
    return error.rule == "additionalProperties" or (error.rule == "enum" and isinstance(error.value, str))


def _lines(errors: Iterable[fastjsonschema.JsonSchemaValueException]) -> list[str]:
    return [line for error in errors for line in _readable(error)]


@cache
def _fast(model: str):
    return fastjsonschema.compile(validated(_SCHEMAS[model]), detailed_exceptions=False)


@cache
def _collecting(model: str):
    return fastjsonschema.compile(validated(_SCHEMAS[model]), fast_fail=False)


def _readable(error: fastjsonschema.JsonSchemaValueException) -> list[str]:
    """Format `error` as "items[0].quantity: must be at least 1", one line per field."""
    path = (error.name or "").removeprefix("data").removeprefix(".")
    if error.rule == "required":
        missing = [key for key in error.rule_definition if key not in error.value]
        return [f"{_join(path, key)}: is required" for key in missing]
    if error.rule == "additionalProperties":
        known = error.definition["properties"]
        return [_unknown(path, key, number, known) for number, key in enumerate(error.value, 1) if key not in known]
    return [f"{path or 'body'}: {_sentence(error.rule, error.rule_definition)}"]


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _unknown(path: str, key: str, number: int, known: Iterable[str]) -> str:
    if key in field_names():
        return f"{_join(path, key)}: is not a known field"
    return f"{path or 'body'}: field {number} is not a known field{did_you_mean(key, known)}"


@cache
def field_names() -> frozenset[str]:
    """Return the names of all fields of the contract. Messages quote no other name: it may have personal data."""

    def names(schema: dict) -> Iterator[str]:
        for name, value in schema.get("properties", {}).items():
            yield name
            yield from names(value)
        if "items" in schema:
            yield from names(schema["items"])

    return frozenset(name for schema in _SCHEMAS.values() for name in names(schema))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a suffix for the message that `name` is unknown: the one of `known` that it resembles, else ""."""
    import difflib  # only for refused documents

    spelt = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name[:_LONGEST_NAME].lower(), spelt, n=1, cutoff=0.75)
    return f"; did you mean {spelt[close[0]]}?" if close else ""


_PATTERNS = {
    VISIBLE_PATTERN: "must not be blank",
    PRINTABLE_PATTERN: "must have no control characters but tabs and line breaks",
}


def _sentence(rule: str | None, limit: Any) -> str:
    match rule:
        case "type":
            article = "an" if limit[0] in "aeiou" else "a"
            return f"must be {article} {limit}"
        case "enum":
            return f"must be one of {', '.join(limit)}"
        case "minimum":
            at_least = f"must be at least {limit}"
            return f"{at_least}: epoch milliseconds, not seconds" if limit == MIN_TIMESTAMP else at_least
        case "maximum":
            return f"must be at most {limit}"
        case "oneOf":
            names = [name for choice in limit for name in choice["required"]]
            return f"must have exactly one of {' and '.join(names)}"
        case "format":
            return f"must be a {limit}"
        case "minLength":
            return f"must have at least {limit} characters"
        case "maxLength":
            return f"must have at most {limit} characters"
        case "minItems":
            return f"must have at least {limit} items"
        case "maxItems":
            return f"must have at most {limit} items"
        case "pattern":
            return _PATTERNS.get(limit) or f"must match {limit}"
    raise AssertionError(f"the contract uses no {rule}")
