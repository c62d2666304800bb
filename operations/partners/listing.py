"""`--partners`: list the partners and their API keys, and who changed them last."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from deployer import connection
from deployer.aws import advice
from deployer.aws.session import Aws
from deployer.options import Options
from deployer.show.ui import Ui
from operations.partners import keys, records
from operations.partners.keys import Key
from operations.partners.records import Change

CHANGES = 10
USAGE_DAYS = 30


def run(options: Options, ui: Ui, root: Path) -> dict:
    aws, stack = connection.deployed(ui, options, root)
    registry = keys.registry(aws, stack, options)
    with ui.waiting("API Gateway"):
        known = registry.keys()
        used = last_used(aws, registry.plans)
        account = stack["StackId"].split(":")[4]
        changes = advice.ask(
            aws,
            "the latest changes are not shown",
            lambda: records.latest(aws, account, options.env, CHANGES),
            [],
        )
    _show(ui, options.env, known, used)
    _show_changes(ui, changes)
    return {
        "result": "listed",
        "environment": options.env,
        "keys": [_as_json(key, used.get(key.id)) for key in known],
        "changes": [asdict(change) for change in changes if change],
        "unreadable": sum(change is None for change in changes),
    }


def last_used(aws: Aws, plans: Mapping[str, str]) -> dict[str, date]:
    """Return key id -> the last of the days USAGE_DAYS with a request, as far as API Gateway knows."""
    today = datetime.now(UTC).date()
    first = today - timedelta(days=USAGE_DAYS - 1)
    pages = aws.client("apigateway").get_paginator("get_usage")

    def read() -> dict[str, date]:
        return {
            key_id: first + timedelta(days=last)
            for plan in plans.values()
            for page in pages.paginate(usagePlanId=plan, startDate=str(first), endDate=str(today))
            for key_id, days in page.get("items", {}).items()
            if (last := max((index for index, (requests, _) in enumerate(days) if requests), default=-1)) >= 0
        }

    return advice.ask(aws, "when the keys were used is not shown", read, {})


def _show(ui: Ui, environment: str, known: Sequence[Key], used: Mapping[str, date]) -> None:
    if not known:
        ui.line(f"{environment} has no partners: --partner-add NAME adds one")
        return
    rows = [
        (key.partner, key.tier, key.id, f"{key.created:%Y-%m-%d}", _state(key), str(used.get(key.id, "-")))
        for key in known
    ]
    ui.table(rows, ("partner", "tier", "key", "created", "state", "last used"))


def _state(key: Key) -> str:
    if not key.plan:
        return "opens nothing: in no usage plan"
    return ("enabled" if key.enabled else "disabled") + f", in the usage plan of {key.plan}" * (key.plan != key.tier)


def _show_changes(ui: Ui, changes: Sequence[Change | None]) -> None:
    shown = [change for change in changes if change]
    if shown:
        ui.line("latest changes", "bold")
        ui.table([(each.when, each.action, each.partner, each.tier, each.key_id, each.who) for each in shown])
    if len(shown) < len(changes):
        ui.warn(f"{len(changes) - len(shown)} changes cannot be read by this version")


def _as_json(key: Key, used: date | None) -> dict:
    return {
        "partner": key.partner,
        "tier": key.tier,
        "keyId": key.id,
        "created": key.created.isoformat(),
        "enabled": key.enabled,
        "usagePlan": key.plan or None,
        "lastUsed": used and str(used),
    }
