"""Read the limits (`limits.toml`) and the assumptions (`assumptions.toml`)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Limit:
    """`value` is AWS's, None if this project sets it. `turn` raises it: by `setting`, `quota` or `fact`, if at all.

    `setting`: key of the environment. `quota`: name or code in Service Quotas. `fact`: field of Platform. `seen`: when
    AWS's value was read at `source`.
    """

    key: str
    service: str
    name: str
    what: str
    source: str
    turn: str
    seen: str = ""
    value: Decimal | None = None
    setting: str = ""
    quota: str = ""
    fact: str = ""


@cache
def limits() -> Mapping[str, Limit]:
    return {
        key: Limit(key, **{**row, "value": Decimal(row["value"]) if "value" in row else None})
        for key, row in _read("limits.toml").items()
    }


@cache
def assumptions() -> Mapping[str, Decimal]:
    return {key: Decimal(row["value"]) for key, row in _read("assumptions.toml").items()}


def _read(name: str) -> dict:
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"), parse_float=Decimal)
