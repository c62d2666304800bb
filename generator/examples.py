"""The examples of the contract: requests with their answers, events, messages, reports.

They are data in `examples/`, rendered into the documents and executed by the tests, in the order of the file: an example
may follow from those before it.
"""

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from contract.imports import CSV_COLUMNS

DIRECTORY = Path(__file__).resolve().parents[1] / "examples"
CONTRACT = DIRECTORY / "contract.json"


class Exchange(NamedTuple):
    """A request and its answer. `name` is unique in the operation."""

    operation: str
    name: str
    summary: str
    request: dict[str, Any]  # path, query, headers, body; `key`, `token` are False for one without
    response: dict[str, Any]  # status, headers, body

    @property
    def is_valid(self) -> bool:
        """Whether the request is one to imitate: a tool that checks examples would refuse others."""
        return self.response["status"] != 400


@cache
def document() -> dict[str, Any]:
    return json.loads(CONTRACT.read_text(encoding="utf-8"))


def exchanges(operation: str | None = None) -> list[Exchange]:
    """Return the exchanges of an operation, or all, in order."""
    found = (Exchange(**{**each, "request": _with_body(each["request"])}) for each in document()["requests"])
    return [each for each in found if operation in (None, each.operation)]


def _with_body(request: dict) -> dict:
    """Return a request whose body is in a file of its own with this body."""
    if "file" not in request:
        return request
    body = json.loads((DIRECTORY / request["file"]).read_text(encoding="utf-8"))
    return {**{name: value for name, value in request.items() if name != "file"}, "body": body}


def orders_file(extension: str) -> str:
    return (DIRECTORY / "import" / f"orders.{extension}").read_text(encoding="utf-8")


def records(extension: str) -> list[dict[str, Any]]:
    """Return the records of an example file: the orders, of CSV the rows, without blank cells."""
    text = orders_file(extension)
    if extension == "json":
        return json.loads(text)
    if extension == "jsonl":
        return [json.loads(line) for line in text.splitlines()]
    types = {"integer": int, "number": float, "string": str}
    type_of = {column.name: types[column.type] for column in CSV_COLUMNS}
    return [
        {name: type_of[name](cell) for name, cell in row.items() if cell} for row in csv.DictReader(text.splitlines())
    ]
