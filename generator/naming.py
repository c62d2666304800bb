"""Names of outputs, parameters and logical ids, made from the inventory's keys."""


def camel(name: str) -> str:
    """`orders_table_arn` -> `OrdersTableArn`."""
    return "".join(part.capitalize() for part in name.split("_"))
