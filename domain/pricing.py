"""Money: Decimal, exact to the cent, never float."""

from decimal import Decimal, InvalidOperation

CENT = Decimal("0.01")
MAX_TOTAL = Decimal("9999999999999.99")  # 15 digits: as many as a JSON number carries without loss


def to_cents(amount: int | Decimal) -> Decimal | None:
    """`amount` with exactly two decimals (never -0.00), or None if it has a finer fraction."""
    try:
        rounded = Decimal(amount).quantize(CENT) + 0
    except InvalidOperation:  # more digits than any amount of the contract
        return None
    return rounded if rounded == amount else None


def total(items: list[dict]) -> Decimal:
    """Sum of price times quantity over `items`, whose prices are in cents."""
    return sum((item["price"] * item["quantity"] for item in items), Decimal("0.00"))


def payments_match(payments: list[dict], amount: Decimal) -> bool:
    return sum(payment["amount"] for payment in payments) == amount


def loyalty_points(amount: Decimal) -> int:
    """One point for each whole currency unit."""
    return int(amount)
