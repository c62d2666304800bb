"""Money: Decimal, exact to the cent, never float."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from contract.fields import CHARGED, CHARGED_PER_UNIT

CENT = Decimal("0.01")
MAX_TOTAL = Decimal("9999999999999.99")  # 15 digits: as many as a JSON number carries without loss


def to_cents(amount: int | Decimal) -> Decimal | None:
    """Return `amount` with exactly two decimals (never -0.00), or None if it has more."""
    try:
        rounded = Decimal(amount).quantize(CENT) + 0
    except InvalidOperation:  # more digits than an amount of the contract has
        return None
    return rounded if rounded == amount else None


def total(order: Mapping) -> Decimal:
    """Sum the charged amounts of `order` (`contract.fields`), which are in cents; those of an item for each unit."""
    amounts = [order[name] for name in CHARGED if name in order]
    amounts += [item[name] * item["quantity"] for item in order["items"] for name in CHARGED_PER_UNIT if name in item]
    return sum(amounts, Decimal("0.00"))


def payments_match(payments: list[dict], amount: Decimal) -> bool:
    return sum(payment["amount"] for payment in payments) == amount


def loyalty_points(amount: Decimal) -> int:
    """One point for each whole currency unit."""
    return int(amount)
