"""Priced quantities, and the billed resources of the templates."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from costs.load import Load
from costs.prices import table
from deployer.plan.snapshot import Snapshot
from deployer.plan.symbols import Symbols


@dataclass(frozen=True)
class Line:
    """`quantity` of `what` a month at `price` US dollars for `per` of them."""

    service: str
    what: str
    quantity: Decimal
    price: Decimal
    per: int
    throughput: bool = False

    @property
    def usd(self) -> Decimal:
        return self.quantity * self.price / self.per


def priced(name: str, quantity: Decimal | int, throughput: bool = False) -> Line:
    """Return `quantity` at a price of the price table."""
    price = table().prices[name]
    return Line(price.service, price.unit, Decimal(quantity), price.usd, price.per, throughput)


def number(text: object, default: int = 0) -> Decimal:
    """Convert a property to a number; `default` if it is known only after the deployment."""
    try:
        return Decimal(str(text))
    except InvalidOperation:
        return Decimal(default)


@dataclass(frozen=True)
class BilledResources:
    """The resources with a charge: (path, type, properties), with intrinsic functions as text."""

    TYPES: ClassVar[tuple[str, ...]] = (
        "AWS::ApiGateway::Method",
        "AWS::ApiGateway::RestApi",
        "AWS::ApiGateway::Stage",
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::DynamoDB::Table",
        "AWS::Events::Rule",
        "AWS::KMS::Key",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::Logs::MetricFilter",
        "AWS::S3::Bucket",
        "AWS::SNS::Subscription",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::WAFv2::WebACL",
        "AWS::XRay::SamplingRule",
    )
    found: tuple[tuple[str, str, dict[str, Any]], ...]

    @classmethod
    def of(cls, tree: Snapshot) -> "BilledResources":
        return cls(tuple(Symbols(tree).resources_of(cls.TYPES)))

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """Return the properties of each resource of a type."""
        return [properties for _, found, properties in self.found if found == kind]

    def by_path(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return path -> properties of the resources of a type."""
        return {path: properties for path, found, properties in self.found if found == kind}

    def functions(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield key (orders_command) and properties of each function."""
        for properties in self.of_type("AWS::Lambda::Function"):
            yield _key(properties), properties

    def notes(self, load: Load) -> Iterator[str]:
        """Yield a note for each resource that cannot be estimated."""
        for path, properties in self.by_path("AWS::Lambda::Function").items():
            if not load.knows(_key(properties)):
                yield f"{path}: not estimated, its number of invocations is unknown (costs/load.py)"
        for path in list(self.by_path("AWS::DynamoDB::Table"))[1:]:
            yield f"{path}: only its capacity is estimated, its reads and writes are unknown"


def _key(function: dict[str, Any]) -> str:
    """Return orders_command for the handler handlers.orders_command.handler, "" for another form."""
    return (["", *function.get("Handler", "").split(".")])[-2]
