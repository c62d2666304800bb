"""Names of outputs, parameters and logical ids, made from each other."""

import re


def camel(name: str) -> str:
    """`orders_worker` and `orders-worker` -> `OrdersWorker`."""
    return "".join(part.capitalize() for part in re.split("[_-]", name))


def words(name: str, separator: str = "-") -> str:
    """`OrderQueue` -> `order-queue`."""
    return re.sub(r"(?<!^)(?=[A-Z])", separator, name).lower()
