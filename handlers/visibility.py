"""Which orders a caller sees (`domain.callers.Caller.sees`), as DynamoDB's conditions and indexes."""

from typing import NamedTuple

from contract.partners import QUALIFIER
from domain.callers import Caller

CUSTOMER_INDEX = "customerIdIndex"
PARTNER_CUSTOMER_INDEX = "partnerCustomerIndex"  # of partners' orders only

_OF_NO_PARTNER = " AND attribute_not_exists(partner)"


class Listing(NamedTuple):
    """Where a customer's orders are that a caller sees: the name and the key of an index, and the end of a filter."""

    index_name: str
    attribute: str
    value: str
    condition: str


def condition(caller: Caller) -> tuple[str, dict]:
    """Return the end of a condition that only orders meet that the caller sees, and its operands."""
    if caller.partner is not None:
        return " AND partner = :partner", {":partner": caller.partner}
    if caller.customer is not None:
        return f" AND customerId = :me{_OF_NO_PARTNER}", {":me": caller.customer}
    return "", {}


def listing(caller: Caller, customer_id: str) -> Listing:
    """A partner's index has its orders only: its pages are full, and do not reveal that there are others."""
    if caller.partner is not None:
        key = partner_customer(caller.partner, customer_id)
        return Listing(PARTNER_CUSTOMER_INDEX, "partnerCustomer", key, "")
    return Listing(CUSTOMER_INDEX, "customerId", customer_id, "" if caller.customer is None else _OF_NO_PARTNER)


def partner_customer(partner: str, customer_id: str) -> str:
    """Return the key of a partner's list of a customer's orders."""
    return f"{partner}{QUALIFIER}{customer_id}"
