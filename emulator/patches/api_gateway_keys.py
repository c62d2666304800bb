"""API keys, and the usage plans that they are in."""

from datetime import UTC, date, datetime, timedelta

from ministack.services import apigateway_v1 as api_gateway

from emulator.registry import patch


@patch(upstream="refuse a second API key with the same value")
def api_key_values() -> None:
    """Without it, a client that repeats CreateApiKey because the answer was lost makes two keys of one value."""
    create = api_gateway._create_api_key

    def create_once(data):
        if data.get("value") and any(key["value"] == data["value"] for _, key in api_gateway._api_keys.all_items()):
            return api_gateway._v1_error("ConflictException", "API Key already exists", 409)
        return create(data)

    api_gateway._create_api_key = create_once


@patch(upstream="let GetUsagePlans filter by keyId")
def api_usage_plans_of_a_key() -> None:
    def of_key(query):
        key = api_gateway._qp(query, "keyId")
        plans = api_gateway._usage_plans.items()
        found = [plan for plan_id, plan in plans if not key or key in api_gateway._usage_plan_keys.get(plan_id, {})]
        return api_gateway._v1_paginated_response(found, query)

    api_gateway._get_usage_plans = of_key


@patch(upstream="answer GetUsage")
def api_usage() -> None:
    """Each key's requests of the days asked for; the emulator knows those of the current period only."""
    handle = api_gateway.handle_request

    async def handle_usage(method, path, headers, body, query):
        match [method, *path.strip("/").split("/")]:
            case ["GET", "usageplans", plan_id, "usage"] if plan_id in api_gateway._usage_plans:
                return api_gateway._v1_response(_usage(plan_id, query))
        return await handle(method, path, headers, body, query)

    api_gateway.handle_request = handle_usage


def _usage(plan_id: str, query) -> dict:
    first, last = (date.fromisoformat(api_gateway._qp(query, name)) for name in ("startDate", "endDate"))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    limit = int((api_gateway._usage_plans[plan_id].get("quota") or {}).get("limit") or 0)
    values = {}
    for key_id in api_gateway._usage_plan_keys.get(plan_id, {}):
        used, since = api_gateway._quota_state.get((plan_id, key_id), (0, 0))
        on = datetime.fromtimestamp(since, UTC).date()
        counts = [used if day == on else 0 for day in days]
        values[key_id] = [[count, limit - count] for count in counts]
    asked = {"usagePlanId": plan_id, "startDate": str(first), "endDate": str(last)}
    return {**asked, "values": values}
