"""What an estimate is made of: priced quantities, and the resources they come from."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import ClassVar

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
    """A line of the price table."""
    price = table().prices[name]
    return Line(price.service, price.unit, Decimal(quantity), price.usd, price.per, throughput)


def number(text: object, otherwise: int = 0) -> Decimal:
    """A property's number; `otherwise` when the deployment report_conflict will tell."""
    try:
        return Decimal(str(text))
    except InvalidOperation:
        return Decimal(otherwise)


@dataclass(frozen=True)
class Parts:
    """The resources that cost something: (path, type, properties), intrinsics replaced by text."""

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
        "AWS::S3::Bucket",
        "AWS::SNS::Subscription",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::WAFv2::WebACL",
    )
    found: tuple[tuple[str, str, dict], ...]

    @classmethod
    def of(cls, tree: Snapshot) -> "Parts":
        return cls(tuple(Symbols(tree).resources(cls.TYPES)))

    def each(self, kind: str) -> list[dict]:
        return [properties for _, found, properties in self.found if found == kind]

    def named(self, kind: str) -> dict[str, dict]:
        """Path -> properties."""
        return {path: properties for path, found, properties in self.found if found == kind}

    def functions(self) -> Iterator[tuple[str, dict]]:
        """Key (orders_command) and properties of each function."""
        for properties in self.each("AWS::Lambda::Function"):
            yield (
                properties.get("Handler", "").split(".")[-2] if "." in properties.get("Handler", "") else "",
                properties,
            )

    def notes(self, load: Load) -> Iterator[str]:
        """What is here and cannot be estimated."""
        for path, properties in self.named("AWS::Lambda::Function").items():
            handler = properties.get("Handler", "").split(".")
            if load.invocations(handler[-2] if len(handler) > 1 else "") is None:
                yield f"{path}: nobody knows how often it is invoked (costs/load.py)"
        for path in list(self.named("AWS::DynamoDB::Table"))[1:]:
            yield f"{path}: nobody knows how it is read and written; its capacity report_conflict is counted"
