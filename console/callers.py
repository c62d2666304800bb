"""The API keys that orders can be placed with: the operator's, and those of partners. Their values stay here."""

from collections.abc import Iterable
from typing import NamedTuple

from contract import partners
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure


class Key(NamedTuple):
    id: str
    label: str
    value: str


def read(aws: Aws, api: str, operator: str) -> tuple[Key, ...]:
    """Return the operator's key, whose id is `operator`, and each enabled key of a partner that opens this API."""
    gateway = aws.client("apigateway")
    plans = [
        plan["id"]
        for page in gateway.get_paginator("get_usage_plans").paginate()
        for plan in page["items"]
        if any(stage["apiId"] == api for stage in plan.get("apiStages", ()))
    ]
    opening = {
        key["id"]
        for plan in plans
        for page in gateway.get_paginator("get_usage_plan_keys").paginate(usagePlanId=plan)
        for key in page["items"]
    }
    found = []
    for page in gateway.get_paginator("get_api_keys").paginate(includeValues=True):
        for key in page["items"]:
            if key["id"] == operator:
                found.append((0, Key(key["id"], "operator", key["value"])))
            elif key["id"] in opening and key.get("enabled") and (label := _partner(key["value"])):
                found.append((1, Key(key["id"], label, key["value"])))
    return tuple(key for _, key in sorted(found, key=lambda each: (each[0], each[1].label, each[1].id)))


def chosen(keys: Iterable[Key], key_id: str) -> Key:
    """Return the key with that id, without one the operator's. Raises Failure(USAGE) for an unknown one."""
    for key in keys:
        if key_id in ("", key.id):
            return key
    raise Failure(Exit.USAGE, "there is no such API key", "reload the page")


def _partner(value: str) -> str:
    try:
        name, tier = partners.read_key(value)
    except ValueError:
        return ""
    return f"{name} ({tier})"
