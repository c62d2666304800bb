"""Bounds, patterns and checks of settings that take more than one expression."""

import re

from pydantic import AfterValidator

from config.parameters import Parameter
from contract.routes import CORS_ORIGIN

LONGEST_BATCHING_WINDOW = 10  # seconds; the order queue's visibility timeout includes it
# Days. Above the 4 on the order queue and the 14 as a dead letter after which a message may be delivered once more: an order
# that has expired by then would be stored and announced again.
SHORTEST_ORDER_TTL = 30
MAX_ORIGINS = 5  # the API's stage has a variable for each

ROLE_ARN = r"^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$"
POLICY_ARN = r"^(arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+)?$"
USER_POOL_ARN = r"^(arn:aws[a-z-]*:cognito-idp:[a-z0-9-]+:\d{12}:userpool/[\w-]+_[0-9A-Za-z]+)?$"
EMAIL = r"^([^@\s]+@[^@\s]+)?$"
ALLOWED_ORIGINS = Parameter(
    "AllowedOrigins",
    "* or up to five origins such as https://shop.example.com, comma-separated",
    pattern=rf"^(\*|{CORS_ORIGIN}(,{CORS_ORIGIN}){{0,{MAX_ORIGINS - 1}}})$",
    hashed=True,
)

# The values that PutRetentionPolicy of CloudWatch Logs accepts.
# fmt: off
RETENTION_DAYS = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
]
# fmt: on


def check_retention(days: int) -> int:
    if days not in RETENTION_DAYS:
        raise ValueError(f"CloudWatch Logs keeps logs for one of {RETENTION_DAYS} days")
    return days


def check_origins(given: list[str]) -> list[str]:
    for origin in given:
        if origin == "*" and len(given) > 1:
            raise ValueError('"*" must be the only origin')
        if origin != "*" and not re.fullmatch(CORS_ORIGIN, origin):
            raise ValueError(f"{origin!r} is not an origin such as https://shop.example.com")
    return given


def check_waf_rate_limit(requests: int) -> int:
    if 0 < requests < 10:
        raise ValueError("expected at least 10 requests, the lowest limit of AWS WAF, or 0 for no firewall")
    return requests


def _warm(least: int) -> AfterValidator:
    def check(units: int) -> int:
        if 0 < units < least:
            raise ValueError(f"expected at least {least:,} units, those of a new table, or 0 to leave it to DynamoDB")
        return units

    return AfterValidator(check)


# DynamoDB refuses less than a new table on demand has, and never lowers a value.
WARM_READS, WARM_WRITES = _warm(12_000), _warm(4_000)
