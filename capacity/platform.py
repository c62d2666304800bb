"""What this project sets itself, as an environment's templates have it."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from config.environment import Environment
from contract.imports import MAX_CSV_LINES, MAX_INVOCATIONS, ORDERS_PER_MESSAGE
from contract.shards import PROCESSED_DATE_SHARDS
from costs.environments import tree
from costs.lines import number
from deployer.plan.snapshot import Resource, Snapshot, resources_of


@dataclass(frozen=True)
class Platform:
    """None: the environment has no such limit."""

    rate_limit: Decimal
    daily_quota: Decimal
    firewall_rate: Decimal | None
    firewall_seconds: Decimal
    command_reserved: Decimal | None
    worker_concurrency: Decimal
    worker_batch: Decimal
    visibility_seconds: Decimal
    provisioned_writes: Decimal | None
    warm_writes: Decimal | None
    warm_reads: Decimal | None
    stream_batch: Decimal
    stream_parallelization: Decimal
    trace_rate: Decimal
    trace_reservoir: Decimal
    functions: tuple[str, ...]
    settings_readers: tuple[str, ...]
    import_seconds: Decimal
    date_shards: Decimal = Decimal(PROCESSED_DATE_SHARDS)
    orders_per_message: Decimal = Decimal(ORDERS_PER_MESSAGE)
    csv_lines: Decimal = Decimal(MAX_CSV_LINES)
    import_invocations: Decimal = Decimal(MAX_INVOCATIONS)


def of_environment(environment: Environment) -> Platform:
    """Return the platform as the generator makes it for an environment."""
    return platform(tree(environment))


def platform(stacks: Snapshot) -> Platform:
    """Return the platform of a tree of stacks."""
    found = list(resources_of(stacks).values())
    functions = {_key(each): each for each in _of_type(found, "AWS::Lambda::Function")}
    (plan,) = (each.properties for each in found if each.logical_id == "UsagePlan")
    (queue,) = (each for each in _of_type(found, "AWS::SQS::Queue") if "RedrivePolicy" in each)
    (worker,) = (each for each in _of_type(found, "AWS::Lambda::EventSourceMapping") if "ScalingConfig" in each)
    (stream,) = (each for each in _of_type(found, "AWS::Lambda::EventSourceMapping") if "StartingPosition" in each)
    (table,) = _of_type(found, "AWS::DynamoDB::Table")
    (sampling,) = (each["SamplingRule"] for each in _of_type(found, "AWS::XRay::SamplingRule"))
    warm, firewall = table.get("WarmThroughput", {}), _rate_rule(found)
    return Platform(
        rate_limit=number(plan["Throttle"]["RateLimit"]),
        daily_quota=number(plan["Quota"]["Limit"]),
        firewall_rate=_optional(firewall, "Limit"),
        firewall_seconds=number(firewall.get("EvaluationWindowSec", 0)),
        command_reserved=_optional(functions["orders_command"], "ReservedConcurrentExecutions"),
        worker_concurrency=number(worker["ScalingConfig"]["MaximumConcurrency"]),
        worker_batch=number(worker["BatchSize"]),
        visibility_seconds=number(queue["VisibilityTimeout"]),
        provisioned_writes=_provisioned_writes(found),
        warm_writes=_optional(warm, "WriteUnitsPerSecond"),
        warm_reads=_optional(warm, "ReadUnitsPerSecond"),
        stream_batch=number(stream["BatchSize"]),
        stream_parallelization=number(stream["ParallelizationFactor"]),
        trace_rate=number(sampling["FixedRate"]),
        trace_reservoir=number(sampling["ReservoirSize"]),
        functions=tuple(functions),
        settings_readers=tuple(
            key
            for key, each in functions.items()
            if "API_CONFIG_PARAMETER" in each.get("Environment", {}).get("Variables", {})
        ),
        import_seconds=number(functions["orders_import"]["Timeout"]),
    )


def _of_type(found: list[Resource], kind: str) -> Iterator[dict[str, Any]]:
    return (dict(each.properties) for each in found if each.type == kind)


def _optional(properties: dict[str, Any], name: str) -> Decimal | None:
    return number(properties[name]) if name in properties else None


def _key(function: dict[str, Any]) -> str:
    """Return orders_command for the handler handlers.orders_command.handler."""
    return function["Handler"].split(".")[1]


def _rate_rule(found: list[Resource]) -> dict[str, Any]:
    """Return the statement of the firewall's rate limit; empty without a firewall."""
    for acl in _of_type(found, "AWS::WAFv2::WebACL"):
        for rule in acl["Rules"]:
            if "RateBasedStatement" in rule["Statement"]:
                return rule["Statement"]["RateBasedStatement"]
    return {}


def _provisioned_writes(found: list[Resource]) -> Decimal | None:
    """Return the most that Application Auto Scaling gives the table; None on demand."""
    for target in _of_type(found, "AWS::ApplicationAutoScaling::ScalableTarget"):
        if target["ScalableDimension"] == "dynamodb:table:WriteCapacityUnits":
            return number(target["MaxCapacity"])
    return None
