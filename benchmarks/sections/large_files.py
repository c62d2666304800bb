"""Peak memory of the importer for CSV files up to the limit of lines.

Each invocation surveys all rows of a CSV file before it reads the first order, and keeps a number for each: that is
what takes memory. So the first invocation is stopped as soon as it has read one order.
"""

import tempfile
from pathlib import Path

import boto3

from benchmarks import alone, uploads
from benchmarks.calls_kit import variables
from benchmarks.deployment import as_root, deployed
from benchmarks.measure import Effort
from benchmarks.rows import Row, at_most, row
from config import names
from contract.imports import MAX_CSV_LINES

MOST_MEMORY = 1_000
"""Of the 1,769 MB that the function has."""


def measure(effort: Effort) -> list[Row]:
    with tempfile.TemporaryDirectory() as directory, deployed(Path(directory)) as outputs:
        as_root(outputs)
        boto3.client("events").disable_rule(Name=names.order_files_rule("dev"))
        return [row for usual in (1_000_000, MAX_CSV_LINES) for row in _survey(outputs, effort.orders(usual))]


def _survey(outputs: dict, orders: int) -> list[Row]:
    # A line for each order and one for the heads.
    content, bucket = uploads.csv_file(orders - 1), outputs["UploadBucketName"]
    event = uploads.event(bucket, *uploads.put(bucket, content, "csv"), len(content))
    [run] = alone.run("orders_import", [{**event, alone.STOP: 0}], variables(outputs, "OrdersImportFunction"))
    what = f"importer, a CSV file of {orders:,} lines"
    return [
        row(f"{what}: peak memory", "MB", [run.megabytes], target=at_most(MOST_MEMORY)),
        row(f"{what}: survey of its rows", "lines/s", [orders / run.processor]),
    ]
