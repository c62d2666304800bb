"""Run-time settings that operators change without a deployment.

`api-config` and `feature-flags` are JSON documents in SSM Parameter Store.
Their keys, defaults, bounds and effects are defined here: they validate the environment files, the handlers fall back to
the defaults, docs/configuration.md lists them.
"""

from decimal import Decimal
from typing import NamedTuple

from contract.schemas import FEATURES, MAX_ITEMS, MAX_PAGE_SIZE

# The functions that use the settings have a timeout of at least 10 seconds: all attempts of one call must fit in, or
# Lambda ends the function before it can respond "unavailable".
LONGEST_CALL_MS = 8_000


class Setting(NamedTuple):
    default: int
    lowest: int
    highest: int
    effect: str


API_CONFIG = {
    "maxOrdersPerHour": Setting(
        150, 1, 10_000_000, "orders per hour that the alarm `orders-per-hour` compares with; no order is refused"
    ),
    "defaultTimeout": Setting(
        500, 50, LONGEST_CALL_MS, "timeout of each attempt of a DynamoDB call that a request waits for, in ms"
    ),
    "retryAttempts": Setting(
        3, 0, 10, "retries of a DynamoDB call; `defaultTimeout` times (`retryAttempts` + 1) is at most 8,000 ms"
    ),
    "defaultPageSize": Setting(
        20, 1, MAX_PAGE_SIZE, "orders on a page of a customer's orders, unless the request says otherwise"
    ),
    "maxPageSize": Setting(100, 1, MAX_PAGE_SIZE, "most orders on a page, even if the request asks for more"),
    "maxItemsPerOrder": Setting(
        100, 1, MAX_ITEMS, "orders with more items are refused (400), unless they were accepted before"
    ),
}

# A flag is false, true, or the percentage of customers it is on for.
FEATURE_FLAGS: dict[str, bool] = dict.fromkeys(FEATURES, False) | {"loyaltyProgram": True}


def default_api_config() -> dict[str, int]:
    return {key: setting.default for key, setting in API_CONFIG.items()}


def api_config_problems(document: object) -> list[str]:
    """Return what is wrong with `document` as api-config. Missing keys have their default."""
    if not isinstance(document, dict):
        return ["must be an object"]
    problems = [f"{key}: unknown key" for key in document if key not in API_CONFIG]
    for key, (_, lowest, highest, _) in API_CONFIG.items():
        value = document.get(key, lowest)
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            problems.append(f"{key}: must be a whole number from {lowest} to {highest}")
    if not problems and _longest_call(document) > LONGEST_CALL_MS:
        problems.append(f"defaultTimeout: times (retryAttempts + 1) must be at most {LONGEST_CALL_MS} ms")
    return problems


def _longest_call(document: dict) -> int:
    config = default_api_config() | document
    return config["defaultTimeout"] * (config["retryAttempts"] + 1)


def flag_problems(document: object) -> list[str]:
    """Return what is wrong with `document` as feature-flags."""
    if not isinstance(document, dict):
        return ["must be an object"]
    problems = [f"{key}: unknown flag" for key in document if key not in FEATURE_FLAGS]
    for key in FEATURE_FLAGS:
        value = document.get(key, False)
        is_percentage = isinstance(value, (int, float, Decimal)) and 0 <= value <= 100
        if not isinstance(value, bool) and not is_percentage:
            problems.append(f"{key}: must be true, false, or a percentage from 0 to 100")
    return problems
