"""Find the log group of a function by any of its names. Pure."""

import re
from collections.abc import Mapping

from config import names
from deployer.errors import Exit, Failure

GATEWAY = "api-access"
"""API Gateway's access log: a line for each request, also those that reach no function."""

_SUFFIX = "Function"


def functions(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return name -> physical name of every function in the root stack's outputs, such as orders-worker."""
    found = {dashed(key): value for key, value in outputs.items() if key.endswith(_SUFFIX)}
    return dict(sorted(found.items()))


def of_functions(environment: str, outputs: Mapping[str, str]) -> dict[str, str]:
    """Return name -> log group of every function in the root stack's outputs."""
    return {name: names.log_group(environment, name) for name in functions(outputs)}


def chosen(environment: str, outputs: Mapping[str, str], wanted: str | None) -> dict[str, str]:
    """Return all log groups, or the one of `wanted`. Raises Failure(USAGE) listing the names.

    Accepts orders_worker, orders-worker, OrdersWorker, OrdersWorkerFunction, the physical name, an ARN, the log group.
    """
    known = of_functions(environment, outputs)
    if wanted is None:
        return known
    known[GATEWAY] = names.log_group(environment, GATEWAY)
    physical = {value: name for name, value in functions(outputs).items()}
    short = re.split("[:/]", wanted)[-1]
    name = physical.get(short) or next((name for name in known if plain(name) == plain(short)), None)
    if name is None:
        raise Failure(
            Exit.USAGE, f"there is no function {wanted!r} in this environment", "those with a log: " + ", ".join(known)
        )
    return {name: known[name]}


def dashed(logical_id: str) -> str:
    """Return orders-worker for OrdersWorkerFunction."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", logical_id.removesuffix(_SUFFIX)).lower()


def plain(name: str) -> str:
    """Return a name without what differs between the ways to write it."""
    return re.sub(r"[-_]", "", name).lower().removesuffix(_SUFFIX.lower())
