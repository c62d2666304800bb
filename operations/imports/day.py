"""`--imported`: count the stored orders of a day's files, and add up their totals."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from deployer import connection
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import outputs
from operations.imports import stored
from operations.queues.dead_letters import printable


@dataclass
class Sum:
    orders: int = 0
    total: Decimal = Decimal(0)

    def add(self, orders: int, total: Decimal) -> None:
        self.orders += orders
        self.total += total

    def as_json(self) -> dict:
        return {"orders": self.orders, "totalAmount": str(self.total)}


def run(options: Options, ui: Ui, root: Path) -> dict:
    aws, stack = connection.deployed(ui, options, root)
    table = outputs.needed(aws, stack, options, ("OrdersTableName",))["OrdersTableName"]
    files: dict[str, Sum] = {}
    everything = Sum()
    with ui.step("Read") as step:
        for order in stored.orders_of(aws.client("dynamodb"), table, options.day):
            files.setdefault(order.source_file, Sum()).add(1, order.total)
            everything.add(1, order.total)
        step.result = f"{options.day}: orders {everything.orders:,}, files {len(files):,}, total {everything.total:,}"
    if files:
        rows = [(f"{each.orders:,}", f"{each.total:,}", printable(file)) for file, each in sorted(files.items())]
        ui.table(rows, ("orders", "total", "file"))
    return {
        "result": "listed",
        "date": options.day,
        **everything.as_json(),
        "files": [{"sourceFile": file, **each.as_json()} for file, each in sorted(files.items())],
    }
