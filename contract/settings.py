"""Run-time settings that operators change without a deployment.

`api-config` and `feature-flags` are JSON documents in SSM Parameter Store.
Their keys, defaults and bounds are defined here: they validate the environment files, and the handlers fall back to the
defaults.
"""

from decimal import Decimal

from contract.schemas import FEATURES, MAX_ITEMS, MAX_PAGE_SIZE

# The functions that use the settings have a timeout of at least 10 seconds: all attempts of one call must fit in, or
# Lambda ends the function before it can respond "unavailable".
LONGEST_CALL_MS = 8_000

# key -> (default, lowest, highest)
API_CONFIG: dict[str, tuple[int, int, int]] = {
    "maxOrdersPerHour": (150, 1, 10_000_000),  # the expected ceiling: an alarm, never a refusal
    "defaultTimeout": (500, 50, LONGEST_CALL_MS),  # milliseconds, of one SDK call
    "retryAttempts": (3, 0, 10),  # retries after the first SDK call
    "defaultPageSize": (20, 1, MAX_PAGE_SIZE),
    "maxPageSize": (100, 1, MAX_PAGE_SIZE),
    "maxItemsPerOrder": (100, 1, MAX_ITEMS),
}

# A flag is false, true, or the percentage of customers it is on for.
FEATURE_FLAGS: dict[str, bool] = dict.fromkeys(FEATURES, False) | {"loyaltyProgram": True}


def default_api_config() -> dict[str, int]:
    return {key: default for key, (default, _, _) in API_CONFIG.items()}


def api_config_problems(document: object) -> list[str]:
    """Return what is wrong with `document` as api-config. Missing keys have their default."""
    if not isinstance(document, dict):
        return ["must be an object"]
    problems = [f"{key}: unknown key" for key in document if key not in API_CONFIG]
    for key, (_, lowest, highest) in API_CONFIG.items():
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
