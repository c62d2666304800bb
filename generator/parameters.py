"""Every template parameter, defined once: the root and its children declare them from here."""

from string import Template as StringTemplate
from typing import Any

from troposphere import Parameter, Template

from generator import cors, outputs
from generator.event_sources import LONGEST_BATCHING_WINDOW

LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


def _text(description: str, **more) -> dict:
    return {"Type": "String", "Description": description, **more}


def _number(description: str, **more) -> dict:
    return {"Type": "Number", "Description": description, **more}


def _flag(description: str, default: str) -> dict:
    return _text(description, AllowedValues=["true", "false"], Default=default)


def _key(description: str) -> dict:
    return _text(description, AllowedPattern=r"^[\w./-]+\.zip$", ConstraintDescription="the S3 key of a .zip file")


def _email(description: str) -> dict:
    pattern = r"^([^@\s]+@[^@\s]+)?$"
    return _text(description, AllowedPattern=pattern, ConstraintDescription="an e-mail address, or empty", Default="")


def _percentage(of: str, default: int) -> dict:
    return _number(f"{of}: the percentage that raises an alarm", MinValue=1, MaxValue=100, Default=default)


def _objective(description: str, default: float) -> dict:
    return _number(description, MinValue=50, MaxValue=99.999, Default=default)


ENVIRONMENT = {
    "Environment": _text(
        "Name of the environment, also the API's stage",
        AllowedPattern="^[a-z][a-z0-9-]{0,19}$",
        ConstraintDescription="lower-case letters, digits and hyphens, at most 20, starting with a letter",
    ),
    "BillingMode": _text(
        "How the orders table is paid for; PROVISIONED scales between MinCapacity and MaxCapacity",
        AllowedValues=["PAY_PER_REQUEST", "PROVISIONED"],
        Default="PAY_PER_REQUEST",
    ),
    "MinCapacity": _number("Least read and write capacity units, when PROVISIONED", MinValue=1, Default=5),
    "MaxCapacity": _number("Most read and write capacity units, when PROVISIONED", MinValue=1, Default=100),
    "TargetUtilization": _number(
        "Percentage of the provisioned capacity that scaling aims at", MinValue=20, MaxValue=90, Default=70
    ),
    "DataRetention": _text(
        "What becomes of the orders table, the queues and the upload bucket when they are removed or replaced",
        AllowedValues=["Delete", "Retain"],
        Default="Retain",
    ),
    "DeletionProtection": _flag("Whether DynamoDB refuses to delete the orders table", "true"),
    "RecoveryDays": _number(
        "How many days back the orders table can be restored to any second", MinValue=1, MaxValue=35, Default=35
    ),
    "OrderTtlDays": _number("Days after its last change until an order expires", MinValue=1, MaxValue=3650, Default=90),
    "UploadRetentionDays": _number(
        "Days until an uploaded file and its report expire; old versions stay for a while longer",
        MinValue=1,
        MaxValue=3650,
        Default=90,
    ),
    "ApiConfig": _text(
        "The api-config document (JSON) that operators may change later in Parameter Store",
        AllowedPattern=r"^\{.*\}$",
        ConstraintDescription="a JSON object",
        MaxLength=4096,
    ),
    "CommandReservedConcurrency": _number(
        "Concurrent executions reserved for orders_command; 0 reserves none", MinValue=0, Default=100
    ),
    "WorkerBatchSize": _number(
        "Most orders that orders_worker takes at once; above 10 only with a batching window",
        MinValue=1,
        MaxValue=10000,
        Default=10,
    ),
    "WorkerBatchingWindow": _number(
        "Seconds that an order may wait for others to fill its batch",
        MinValue=0,
        MaxValue=LONGEST_BATCHING_WINDOW,
        Default=0,
    ),
    "WorkerMaximumConcurrency": _number(
        "Most batches that are worked on at once", MinValue=2, MaxValue=1000, Default=20
    ),
    "EventsEmail": _email("Address that order events are mailed to, once it has confirmed; empty for none"),
    "EventsQueueArn": _text(
        "ARN of a queue that gets every order event and lets the topic send; empty for none",
        AllowedPattern=r"^(arn:aws[\w-]*:sqs:[\w-]+:\d{12}:[\w-]{1,80})?$",
        ConstraintDescription="the ARN of a standard SQS queue, or empty",
        Default="",
    ),
    "LogLevel": _text("Least level of the functions' own log lines", AllowedValues=["DEBUG", "INFO"], Default="INFO"),
    "LogRetentionDays": _number("Days that logs are kept", AllowedValues=list(LOG_RETENTION_DAYS), Default=7),
    "OpenTelemetryLayerArn": _text(
        "Version ARN of an OpenTelemetry layer for spans inside the functions; empty for none",
        AllowedPattern=r"^(arn:aws[\w-]*:lambda:\S+:layer:\S+:\d+)?$",
        ConstraintDescription="the ARN of a layer version, or empty",
        Default="",
    ),
    "AllowedOrigins": _text(
        "Origins whose pages may call the API: * for any, or up to five, comma-separated",
        AllowedPattern=cors.ORIGINS_PATTERN,
        ConstraintDescription="* or up to five origins such as https://shop.example.com, comma-separated",
    ),
    "RateLimit": _number("Requests per second, of the API and of each key", MinValue=1, Default=100),
    "BurstLimit": _number("Requests at once, of the API and of each key", MinValue=1, Default=200),
    "DailyQuota": _number("Requests per day and API key", MinValue=1, Default=10000),
    "DataTrace": _flag("Whether API Gateway logs whole requests and responses: personal data, for dev only", "false"),
    "WafRateLimit": _number(
        "Requests per five minutes and address that the firewall lets through, 10 at least; 0 for no firewall",
        MinValue=0,
        MaxValue=2000000000,
        Default=0,
    ),
    "AlertEmail": _email("Address that alarms are mailed to, once it has confirmed; empty for none"),
    "ErrorRatePercent": _number(
        "Percentage of requests answered 5XX, and of a function's invocations that fail, that raises an alarm",
        MinValue=0.01,
        MaxValue=100,
        Default=1.0,
    ),
    "LatencyP95Ms": _number("95th percentile of the latency in ms that raises an alarm", MinValue=1, Default=500),
    "ReservedConcurrencyPercent": _percentage("Of a function's reserved concurrency", 80),
    "ConsumedCapacityPercent": _percentage("Of the table's or an index's capacity, when PROVISIONED", 80),
    "QueueAgeSeconds": _number("Age in s of the oldest waiting order that raises an alarm", MinValue=400, Default=600),
    "QueueDepth": _number("Number of waiting orders that raises an alarm", MinValue=1, Default=1000),
    "StreamAgeSeconds": _number(
        "Age in s of a change not yet announced that raises an alarm", MinValue=60, MaxValue=3600, Default=300
    ),
    "ImportSuccessPercent": _number(
        "Percentage of a file's records below which an alarm is raised", MinValue=1, MaxValue=100, Default=90
    ),
    "OrdersPerHourPercent": _number("Percentage of maxOrdersPerHour that raises an alarm", MinValue=1, Default=100),
    "SloAvailabilityPercent": _objective("Percentage of requests promised not to be answered 5XX", 99.9),
    "SloLatencyPercent": _objective("Percentage of requests promised to be answered within LatencyP95Ms", 99.0),
    "SloLeastBadRequests": _number(
        "Fewer bad requests than this are never a burn of the error budget", MinValue=1, Default=3
    ),
    "ArtifactBucket": _text(
        "Bucket of the packages",
        AllowedPattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        ConstraintDescription="the name of an S3 bucket",
    ),
    "FunctionsKey": _key("S3 key of the package of the functions"),
    "LayerKey": _key("S3 key of the package of third-party libraries"),
    "ManageApiGatewayAccount": _flag(
        "Whether to give API Gateway its CloudWatch role, one per account and region: true only where it is missing",
        "false",
    ),
}

_HANDED_ON = {name: _text(description) for name, description in outputs.descriptions().items()}


def declare_all(template: Template) -> None:
    """Declare what an environment sets: the root's parameters."""
    for name, definition in ENVIRONMENT.items():
        template.add_parameter(Parameter(name, **definition))


def declare_used(template: Template) -> None:
    """Declare the parameters that a child refers to: an environment's, or a sibling's outputs, without defaults.

    Raises KeyError for a name that nothing supplies.
    """
    used = _references(template.to_dict()) - {*template.resources}
    if unknown := used - {*ENVIRONMENT, *_HANDED_ON}:
        raise KeyError(f"no parameter, output or resource is called {', '.join(sorted(unknown))}")
    for name, definition in {**_HANDED_ON, **ENVIRONMENT}.items():
        if name in used:
            without_default = {key: value for key, value in definition.items() if key != "Default"}
            template.add_parameter(Parameter(name, **without_default))


def _references(node: Any) -> set[str]:
    """Names in Ref and in the text of Fn::Sub, where `${Name}` is as in string.Template; no pseudo parameters."""
    match node:
        case {"Ref": str(name)}:
            return set() if "::" in name else {name}
        case {"Fn::Sub": str(text)}:
            return {*StringTemplate(text).get_identifiers()}
        case {"Fn::Sub": [str(text), dict(variables)]}:
            return _references({"Fn::Sub": text}) - {*variables} | _references([*variables.values()])
        case dict():
            return _references([*node.values()])
        case list():
            return set().union(*map(_references, node))
    return set()
