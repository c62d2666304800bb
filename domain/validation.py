"""Request bodies: the contract's schemas, then the rules a schema cannot say.

A valid document takes the fast path: a validator compiled once that stops at
the first problem. Only for a document that failed is a second one compiled
(once per process), which collects every problem for a person to read.
"""

import re
from functools import cache

import fastjsonschema

from contract.imports import IMPORT_RECORD
from contract.schemas import DOCUMENTS, MIN_TIMESTAMP, MODELS, PLATFORM_ID_PREFIX, RESERVED_IDS, portable
from contract.text import VISIBLE_TEXT
from domain.errors import OrderError
from domain.pricing import to_cents

MAX_DETAILS = 20
FUTURE_MS = 5 * 60 * 1000  # how far a client's clock may be ahead of ours

_SCHEMAS = {name: portable(schema) for name, schema in (MODELS | DOCUMENTS | {"ImportRecord": IMPORT_RECORD}).items()}


def warm_up(*models: str) -> None:
    """Compile the models that a function will check, at import, not at its first request."""
    for model in models:
        _fast(model)


def order_request(document: object, max_items: int) -> dict:
    """`document` as an OrderRequest, its amounts rounded to nothing but written in cents.

    Raises OrderError("invalid_request") with every problem in its details.
    """
    check("OrderRequest", document)
    problems = _too_many_items(document, max_items)
    return _normal(document, problems)


def order_submission(document: object, max_items: int, now: int) -> dict:
    """`document` as an OrderSubmission, as order_request, with itemId renamed to productId.

    Raises OrderError("invalid_request") with every problem in its details.
    """
    return _submission("OrderSubmission", document, max_items, now)


def import_record(document: object, max_items: int, now: int) -> dict:
    """`document` as an ImportRecord, as order_submission."""
    return _submission("ImportRecord", document, max_items, now)


def order_message(document: object, now: int) -> dict:
    """`document` as an OrderMessage, as order_request.

    What operators may change at run time (the number of items) was checked
    when the order was accepted; an accepted order is not refused any more.
    Raises OrderError("invalid_request") with every problem in its details.
    """
    check("OrderMessage", document)
    return _normal(document, _future(document, now))


def status_update(document: object) -> str:
    """The status that a StatusUpdate asks for. Raises OrderError("invalid_request")."""
    check("StatusUpdate", document)
    return document["status"]


def check(model: str, document: object) -> None:
    """Raise OrderError("invalid_request") unless `document` is a `model` of the contract."""
    try:
        _fast(model)(document)
    except fastjsonschema.JsonSchemaException:
        _raise_if(_schema_problems(model, document))


def _submission(model: str, document: object, max_items: int, now: int) -> dict:
    check(model, document)
    problems = _too_many_items(document, max_items) + _future(document, now)
    chosen = document.get("orderId", "")
    if chosen.startswith(PLATFORM_ID_PREFIX):
        problems.append(f"orderId: must not start with {PLATFORM_ID_PREFIX}")
    if chosen in RESERVED_IDS:
        problems.append(f"orderId: must not be one of {', '.join(RESERVED_IDS)}")
    items = [
        {"productId" if key == "itemId" else key: value for key, value in item.items()} for item in document["items"]
    ]
    return _normal({**document, "items": items}, problems)


def _too_many_items(document: dict, max_items: int) -> list[str]:
    return [f"items: must have at most {max_items} items"] if len(document["items"]) > max_items else []


def _future(document: dict, now: int) -> list[str]:
    too_far = document.get("timestamp", 0) > now + FUTURE_MS
    return ["timestamp: must not be more than 5 minutes in the future"] if too_far else []


def _normal(document: dict, problems: list[str]) -> dict:
    """`document` with its amounts in cents; raises if there are problems, then or already."""
    request = {**document, "items": _in_cents(document["items"], "items", "price", problems)}
    if "payments" in document:
        request["payments"] = _in_cents(document["payments"], "payments", "amount", problems)
    _raise_if(problems)
    return request


def _in_cents(rows: list[dict], name: str, field: str, problems: list[str]) -> list[dict]:
    result = []
    for index, row in enumerate(rows):
        amount = to_cents(row[field])
        if amount is None:
            problems.append(f"{name}[{index}].{field}: must have at most 2 decimals")
        result.append({**row, field: amount})
    return result


def _raise_if(problems: list[str]) -> None:
    if problems:
        raise OrderError("invalid_request", first_of(problems))


def first_of(texts: list[str]) -> list[str]:
    """As many as a person reads, and how many there are beyond."""
    return texts if len(texts) <= MAX_DETAILS else [*texts[:MAX_DETAILS], f"and {len(texts) - MAX_DETAILS} more"]


def _schema_problems(model: str, document: object) -> list[str]:
    try:
        _collecting(model)(document)
    except fastjsonschema.JsonSchemaValuesException as error:
        return [line for problem in error.errors for line in _readable(problem)]
    raise AssertionError("the two validators of one schema disagree")


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
        unknown = [key for key in error.value if key not in known]
        return [f"{_join(path, printable(key, '(a field)'))}: is not a known field" for key in unknown]
    return [f"{path or 'body'}: {_sentence(error.rule, error.rule_definition)}"]


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def printable(key: str, otherwise: str) -> str:
    # The name of an unknown field is the client's own text: repeat it only
    # where it can be nothing worse than a misspelt field.
    return key if re.fullmatch("[A-Za-z][A-Za-z0-9_]{0,39}", key) else otherwise


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
            blank = "must not be blank, nor contain U+0000"
            return blank if limit == VISIBLE_TEXT else f"must match {limit}"
    raise AssertionError(f"the contract uses no {rule}")
