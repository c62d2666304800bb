"""Read and write strict JSON, with decimal fractions as Decimal."""

import json
from decimal import Decimal
from functools import cache


def loads(text: str) -> object:
    """Parse JSON.

    Raises ValueError, without quoting the text, for a text that is not JSON or that could not be stored and returned:
    NaN, numbers beyond Python's limits, nesting too deep, a duplicate key (readers disagree on which one counts), half a
    surrogate pair.
    """
    try:
        document = _DECODER.decode(text)
        if "\\u" in text:  # half a surrogate pair can only be an escape
            dumps(document, ensure_ascii=False, default=str).encode()
        text.encode()
    except (ValueError, ArithmeticError, RecursionError):
        raise ValueError("not valid JSON") from None
    return document


def dumps(document: object, **options) -> str:
    """Return `document` as compact JSON.

    A Decimal becomes a JSON number through float, which is exact up to 15 significant digits; the contract's limits keep
    every amount within 13.
    Equal numbers give equal text: 12.50 and 12.5, 10.0 and 10.
    """
    return _encoder(**options).encode(document)


# json.loads and json.dumps make a decoder and an encoder for each call, if they have options.
@cache
def _encoder(**options) -> json.JSONEncoder:
    return json.JSONEncoder(separators=(",", ":"), **{"default": _number, **options})


def _number(value: Decimal) -> int | float:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is not JSON")
    return int(value) if value == value.to_integral_value() else float(value)


def _refuse(constant: str) -> None:
    raise ValueError("not a JSON number")


def _object(pairs: list[tuple[str, object]]) -> dict:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key is given twice")
    return result


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_object)
