"""Which orders a caller sees (`domain.callers.Caller.sees`), as DynamoDB's conditions and indexes."""

from typing import NamedTuple

from contract.partners import QUALIFIER
from domain.callers import Caller
from domain.orders import Order

CUSTOMER_INDEX = "customerIdIndex"
PARTNER_CUSTOMER_INDEX = "partnerCustomerIndex"  # of partners' orders only

# (orderId, timestamp); with "" for the orderId, before any order of that time.
Position = tuple[str, int]

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


def position(caller: Caller, stopped: Position | None, found: list[Order], started: Position | None) -> Position | None:
    """Return where the next page starts, after a search that began at `started` has `found` orders and `stopped`.

    For a customer the order there may be a partner's. So its id becomes "": the next page starts before any order of that
    time. If the customer's last order has that time, it is named. If the search began at that time already, the next page
    starts after it: a list has an end, whatever is hidden in it.
    """
    if stopped is None or caller.customer is None:
        return stopped
    if found and found[-1]["timestamp"] == stopped[1]:
        return found[-1]["orderId"], stopped[1]
    return "", stopped[1] - (started is not None and started[1] == stopped[1])
