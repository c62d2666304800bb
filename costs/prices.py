"""Read the price table (`prices.toml`) and the assumptions about load (`load.toml`)."""

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Price:
    """US dollars for `per` units. `source`: AWS's page. `seen`: where the figure was read."""

    service: str
    usd: Decimal
    per: int
    unit: str
    source: str
    seen: str


@dataclass(frozen=True)
class PriceTable:
    """`date`: yyyy-mm-dd, when the prices were last checked."""

    region: str
    date: str
    prices: dict[str, Price]


@cache
def table() -> PriceTable:
    document = _read("prices.toml")
    region, date = document.pop("region"), document.pop("date")
    return PriceTable(
        region, date, {name: Price(**{**row, "usd": Decimal(row["usd"])}) for name, row in document.items()}
    )


@cache
def assumptions() -> dict[str, Decimal]:
    return {name: Decimal(row["value"]) for name, row in _read("load.toml").items()}


def _read(name: str) -> dict:
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"), parse_float=Decimal)
