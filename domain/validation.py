"""Request bodies: the contract's schemas, then its rules that a schema cannot say. Settings: `domain.admission`.

A valid document takes the fast path: a validator compiled once that stops at
the first problem. Only for a document that failed is a second one compiled
(once per process), which collects every problem for a person to read.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import fastjsonschema

from contract.dialects import validated
from contract.documents import DOCUMENTS
from contract.fields import ITEM_ALIASES
from contract.imports import IMPORT_RECORD
from contract.models import MODELS
from contract.schemas import MIN_TIMESTAMP, RESERVED_ID_PREFIXES, RESERVED_IDS
from contract.text import PRINTABLE_PATTERN, VISIBLE_PATTERN
from domain import pricing
from domain.errors import OrderError, UnknownFormat

MAX_DETAILS = 20
_LONGEST_NAME = 40  # characters that are compared with the names we know
FUTURE_MS = 5 * 60 * 1000  # how far a client's clock may be ahead of ours

_SCHEMAS = {name: validated(schema) for name, schema in (MODELS | DOCUMENTS | {"ImportRecord": IMPORT_RECORD}).items()}


def warm_up(*models: str) -> None:
    """Compile the models that a function will check, at import, not at its first request."""
    for model in models:
        _fast(model)
        _money(model)


def order_request(document: object) -> dict:
    """`document` as an OrderRequest, its amounts rounded to nothing but written in cents.

    Raises OrderError("invalid_request") with every problem in its details, or OrderError("payment_mismatch").
    """
    check("OrderRequest", document)
    return _payable(_normal("OrderRequest", document, []))


def order_submission(document: object, now: int) -> dict:
    """`document` as an OrderSubmission, as order_request, with itemId renamed to productId."""
    return _submission("OrderSubmission", document, now)


def import_record(document: object, now: int) -> dict:
    """`document` as an ImportRecord, as order_submission."""
    return _submission("ImportRecord", document, now)


def order_message(document: object) -> dict:
    """`document` as an OrderMessage, its amounts in cents.

    What is checked is whether it can be stored. What was judged when the order
    was accepted (limits, settings, the clock) is not judged again.
    Raises UnknownFormat for fields and values that this version does not know,
    even if something else is wrong: they may change what the rest means.
    Raises OrderError("invalid_request") with every problem in its details.
    """
    try:
        _fast("OrderMessage")(document)
    except fastjsonschema.JsonSchemaException:
        errors = _schema_errors("OrderMessage", document)
        if unknown := [error for error in errors if _is_unknown(error)]:
            raise UnknownFormat(first_of(_lines(unknown))) from None
        _raise_if(_lines(errors))
    return _normal("OrderMessage", document, [])


def status_update(document: object) -> str:
    """The status that a StatusUpdate asks for. Raises OrderError("invalid_request")."""
    check("StatusUpdate", document)
    return document["status"]


def check(model: str, document: object) -> None:
    """Raise OrderError("invalid_request") unless `document` is a `model` of the contract."""
    try:
        _fast(model)(document)
    except fastjsonschema.JsonSchemaException:
        _raise_if(_lines(_schema_errors(model, document)))


def _submission(model: str, document: object, now: int) -> dict:
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
    """`request`, whose payments, if it has any, add up. Raises OrderError("payment_mismatch")."""
    total = pricing.total(request)
    if "payments" in request and not pricing.payments_match(request["payments"], total):
        raise OrderError("payment_mismatch", [f"payments: must sum to {total}"])
    return request


def _future(document: dict, now: int) -> list[str]:
    too_far = document.get("timestamp", 0) > now + FUTURE_MS
    return ["timestamp: must not be more than 5 minutes in the future"] if too_far else []


def _normal(model: str, document: dict, problems: list[str]) -> dict:
    """`document` with its amounts in cents; raises if there are problems, then or already."""
    request = _in_cents(document, _money(model), "", problems)
    _raise_if(problems)
    return request


Money = bool | dict | list
"""Where money is: True: here; by field; a list of one: in each element; {}: nowhere."""


@cache
def _money(model: str) -> Money:
    return _money_in(_SCHEMAS[model])


def _money_in(schema: dict) -> Money:
    # Every `number` of the contract is an amount; what counts is an `integer`.
    if schema.get("type") == "number":
        return True
    if "items" in schema:
        element = _money_in(schema["items"])
        return [element] if element else {}
    fields = {name: _money_in(each) for name, each in schema.get("properties", {}).items()}
    return {name: money for name, money in fields.items() if money}


def _in_cents(value: Any, money: Money, path: str, problems: list[str]) -> Any:
    """`value` with the amounts in it in cents; says in `problems` which cannot be. `path` leads to it."""
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
    """As many as a person reads, and how many there are beyond."""
    return texts if len(texts) <= MAX_DETAILS else [*texts[:MAX_DETAILS], f"and {len(texts) - MAX_DETAILS} more"]


def _schema_errors(model: str, document: object) -> list[fastjsonschema.JsonSchemaValueException]:
    try:
        _collecting(model)(document)
    except fastjsonschema.JsonSchemaValuesException as error:
        return error.errors
    raise AssertionError("the two validators of one schema disagree")


def _is_unknown(error: fastjsonschema.JsonSchemaValueException) -> bool:
    """Whether a newer version may have written this: a further field, or a further value of a known one."""
    return error.rule == "additionalProperties" or (error.rule == "enum" and isinstance(error.value, str))


def _lines(errors: Iterable[fastjsonschema.JsonSchemaValueException]) -> list[str]:
    return [line for error in errors for line in _readable(error)]


@cache
def _fast(model: str):
    return fastjsonschema.compile(_SCHEMAS[model], detailed_exceptions=False)


@cache
def _collecting(model: str):
    return fastjsonschema.compile(_SCHEMAS[model], fast_fail=False)


def _readable(error: fastjsonschema.JsonSchemaValueException) -> list[str]:
    """`error` as "items[0].quantity: must be at least 1", one line per field."""
    path = error.name.removeprefix("data").removeprefix(".")
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
    if key in own_names():
        return f"{_join(path, key)}: is not a known field"
    return f"{path or 'body'}: field {number} is not a known field{did_you_mean(key, known)}"


@cache
def own_names() -> frozenset[str]:
    """The names of all fields of the contract. What else a client or a file calls a field is its own text, and may
    be about a person: only these are repeated."""

    def names(schema: dict) -> Iterator[str]:
        for name, value in schema.get("properties", {}).items():
            yield name
            yield from names(value)
        if "items" in schema:
            yield from names(schema["items"])

    return frozenset(name for schema in _SCHEMAS.values() for name in names(schema))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question to follow the message that `name` is unknown, if it resembles one of `known`; else ""."""
    import difflib  # only what is refused pays for it

    spelt = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name[:_LONGEST_NAME].lower(), spelt, n=1, cutoff=0.75)
    return f"; did you mean {spelt[close[0]]}?" if close else ""


_PATTERNS = {
    VISIBLE_PATTERN: "must not be blank",
    PRINTABLE_PATTERN: "must have no control characters but tabs and line breaks",
}


def _sentence(rule: str, limit: object) -> str:
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
