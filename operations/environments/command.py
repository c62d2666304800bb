"""`--environments`: all environments in the account and Region, standing ones and previews. Read-only."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import costs
from config.environment import available
from costs.environments import with_parameters
from deployer import connection
from deployer.aws import advice
from deployer.aws.session import Aws
from deployer.errors import Failure
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import deployment_records, preview_records, reading
from deployer.stacks.preview_records import Preview
from deployer.stacks.stack_status import StackStatus
from operations.environments import view


@dataclass(frozen=True)
class Listed:
    """An environment. `stack`: its root's DescribeStacks entry; None if only its record exists. `owner`: the ARN of
    who deployed a preview first, another environment last, "" if unknown; `version` likewise. `idle`, `loaded`: US dollars a month."""

    name: str
    stack: Mapping[str, Any] | None
    preview: Preview | None
    owner: str
    version: str
    idle: Decimal | None
    loaded: Decimal | None

    @property
    def status(self) -> StackStatus:
        return reading.status_of(self.stack)


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Return the report. Exit code 0, whatever the environments' state."""
    aws = connection.connect(ui, connection.load_home(options), options, root)
    with ui.step("Look") as step:
        account = aws.client("sts").get_caller_identity()["Account"]
        found = _environments(aws, account, options.orders_per_day)
        step.result = f"account {account}, {aws.region}{aws.elsewhere}"
    now = datetime.now(UTC)
    view.show(ui, found, options.orders_per_day, now)
    return {
        "result": "listed",
        "account": account,
        "region": aws.region,
        "ordersPerDay": options.orders_per_day,
        "environments": view.as_json(found, now),
    }


def _environments(aws: Aws, account: str, orders_per_day: int) -> list[Listed]:
    """Read the stacks, then owner and version of each concurrently."""
    roots = reading.roots(aws)
    previews = advice.ask(aws, "previews are not shown", lambda: preview_records.read_all(aws, account), {})
    known = {*available(), *previews}
    stacks = {
        name: stack
        for name, stack in roots.items()
        if reading.is_ours(stack, name) or (name in known and reading.status_of(stack).is_new)
    }

    def listed(name: str) -> Listed:
        stack, preview = stacks.get(name), previews.get(name)
        owner = preview.who if preview else _owner(aws, account, name)
        idle, loaded = (_cost(aws, stack, orders) for orders in (0, orders_per_day))
        return Listed(name, stack, preview, owner, _version(aws, stack), idle, loaded)

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(listed, sorted({*stacks, *previews})))


def _owner(aws: Aws, account: str, name: str) -> str:
    """Return the ARN in the newest deployment record."""

    def read() -> str:
        newest = deployment_records.entries(aws, account, name)[:1]
        return next((each.who for each in deployment_records.read(aws, account, newest) if each), "")

    return advice.ask(aws, "owners are not shown", read, "")


def _version(aws: Aws, stack: Mapping[str, Any] | None) -> str:
    if stack is None or reading.status_of(stack).is_new:
        return ""
    read: Callable[[], str] = lambda: deployment_records.deployed_version(aws, stack)  # noqa: E731
    return advice.ask(aws, "versions are not shown", read, "")


def _cost(aws: Aws, stack: Mapping[str, Any] | None, orders_per_day: int) -> Decimal | None:
    """Estimate from the stack's parameters and the templates of this version; None if they do not match."""
    if stack is None or reading.status_of(stack).is_new:
        return None
    try:
        tree = with_parameters(reading.parameters_of(stack))
    except Failure:  # a required parameter of this version is missing
        return None
    return costs.estimate(tree, orders_per_day, aws.region).total
