"""Convert Python values of the types that orders use to DynamoDB's attribute values, and any attribute value back.

boto3 has such a converter, but importing boto3 would slow down every cold start.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def to_item(document: Mapping) -> dict:
    """Convert {"version": 1} to {"version": {"N": "1"}}. Raises TypeError for a float: money is Decimal."""
    return {key: to_attribute(value) for key, value in document.items()}


def from_item(item: Mapping) -> dict[str, Any]:
    """Return the document of an item, with whole numbers as int, others as Decimal.

    Another version may have written attributes of any type: each is converted.
    """
    return {key: _from_attribute(value) for key, value in item.items()}


def to_attribute(value: object) -> dict:
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            return {"N": format(value, "f") if isinstance(value, Decimal) else str(value)}
        case dict():
            return {"M": to_item(value)}
        case list():
            return {"L": [to_attribute(element) for element in value]}
    raise TypeError(f"{type(value).__name__} has no DynamoDB attribute type")


def _from_attribute(attribute: dict) -> object:
    ((kind, value),) = attribute.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            number = Decimal(value)
            return int(number) if number == number.to_integral_value() else number
        case "M":
            return from_item(value)
        case "L":
            return [_from_attribute(element) for element in value]
        case "NULL":
            return None
    return value  # sets, and bytes
