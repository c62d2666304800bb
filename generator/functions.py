"""The Lambda functions as data: the one list that all stacks, alarms, graphs, queries and documents follow.

To add one, append a Function here and write its handler. If a queue invokes it, describe the queue in
generator.queues and name it in the function's trigger.
"""

from dataclasses import dataclass

from awacs import dynamodb, s3, sns, sqs, ssm
from awacs.aws import Statement
from troposphere import Ref

from config import names
from contract.imports import UPLOAD_PREFIX
from contract.metrics import ASYNC, IMPORT, SYNC
from contract.routes import ROUTES
from generator.naming import camel
from generator.policies import allow
from generator.queues import EVENTS_DLQ, IMPORT_DLQ, ORDER_QUEUE, PROCESSING_DLQ, DeadLetterQueue
from generator.resources import (
    API_CONFIG,
    FEATURE_FLAGS,
    IMPORT_REPORTS,
    ORDER_EVENTS,
    ORDER_FILES,
    ORDERS_BY_CUSTOMER,
    ORDERS_BY_PARTNER,
    ORDERS_STREAM,
    ORDERS_TABLE,
)
from generator.triggers import QueueTrigger, RuleTrigger, StreamTrigger, Trigger


@dataclass(frozen=True)
class Function:
    """`key` is the module in `handlers/` and the name in `contract.routes`, `description` completes "the function
    that ...". Its failures put the composite alarm of `path` into ALARM (see generator.alarms).

    `rights` are all that its role allows, besides its logs, its traces, its trigger and its dead letters;
    `variables` are the names in `resources.VARIABLES` that it reads. Without a `trigger` only the API's routes invoke
    it; then Lambda sends to `dead_letters` the asynchronous invocations that fail. A trigger has its own.

    An alarm notifies if an invocation takes more than `slow_share` of the timeout, or, if the function answers
    requests, more than the API may.
    """

    key: str
    description: str
    memory: int
    timeout: int
    path: str
    rights: tuple[Statement, ...] = ()
    variables: tuple[str, ...] = ()
    trigger: Trigger | None = None
    dead_letters: DeadLetterQueue | None = None
    reserved_concurrency: str | None = None  # the parameter that sets it
    invokes_itself: bool = False
    # Half: an invocation that takes twice as long is cut off, and there is time to act before one does.
    slow_share: float = 0.5

    @property
    def handler(self) -> str:
        return f"handlers.{self.key}.handler"

    @property
    def name(self) -> str:
        """With dashes: the log group's and the service's name."""
        return self.key.replace("_", "-")

    @property
    def title(self) -> str:
        """Start of its logical ids, such as OrdersCommand."""
        return camel(self.key)

    @property
    def name_parameter(self) -> str:
        """The output and parameter with its physical name."""
        return f"{self.title}Name"

    @property
    def alias_parameter(self) -> str:
        """The output and parameter with the ARN of its alias `live`."""
        return f"{self.title}AliasArn"

    @property
    def answers_requests(self) -> bool:
        return any(route.function == self.key for route in ROUTES)

    @property
    def invoke_config_title(self) -> str:
        return f"{self.title}InvokeConfig"

    @property
    def failures(self) -> DeadLetterQueue | None:
        """The queue of the events or messages that it cannot process."""
        return self.trigger.dead_letters if self.trigger else self.dead_letters

    @property
    def reserves_condition(self) -> str:
        return f"{self.title}ReservesConcurrency"

    @property
    def slow_ms(self) -> int:
        return round(self.timeout * 1000 * self.slow_share)


EVENTS = "events"  # the path that announces orders and accepts none

CLAIM_TIMESTAMP = "0"
# Orders stored and changed are announced. A claim (timestamp 0) is no order, and a removal is an order that has
# expired; neither costs an invocation. Numbers are text in a stream's records.
ORDERS_ONLY = {
    "eventName": ["INSERT", "MODIFY"],
    "dynamodb": {"Keys": {"timestamp": {"N": [{"anything-but": [CLAIM_TIMESTAMP]}]}}},
}
UPLOADED_FILES = {
    "source": ["aws.s3"],
    "detail-type": ["Object Created"],
    "detail": {"bucket": {"name": [Ref("UploadBucketName")]}, "object": {"key": [{"prefix": UPLOAD_PREFIX}]}},
}

_SETTINGS = ("API_CONFIG_PARAMETER", "FEATURE_FLAGS_PARAMETER")

# IAM authorizes a TransactWriteItems or BatchExecuteStatement as the actions in it. aws/ssm, the key of SecureStrings,
# lets everyone who may read the parameter decrypt it.
FUNCTIONS: tuple[Function, ...] = (
    Function(
        "orders_command",
        "Places and changes orders",
        memory=1024,
        timeout=30,
        path=SYNC,
        rights=(
            allow(
                "UseOrders",
                (dynamodb.GetItem, dynamodb.PutItem, dynamodb.Query, dynamodb.UpdateItem),
                ORDERS_TABLE,
            ),
            allow("ReadSettings", (ssm.GetParameters,), API_CONFIG, FEATURE_FLAGS),
        ),
        variables=("TABLE_NAME", *_SETTINGS, "ALLOWED_ORIGINS", "ORDER_TTL_DAYS"),
        dead_letters=PROCESSING_DLQ,
        reserved_concurrency="CommandReservedConcurrency",
    ),
    Function(
        "orders_query",
        "Reads orders",
        memory=512,
        timeout=10,
        path=SYNC,
        rights=(
            allow("UseOrders", (dynamodb.GetItem, dynamodb.Query), ORDERS_TABLE),
            allow("UseCustomerIndexes", (dynamodb.Query,), ORDERS_BY_CUSTOMER, ORDERS_BY_PARTNER),
            allow("ReadSettings", (ssm.GetParameters,), API_CONFIG),
        ),
        variables=("TABLE_NAME", "API_CONFIG_PARAMETER", "ALLOWED_ORIGINS", "ORDER_TTL_DAYS"),
    ),
    Function(
        "orders_intake",
        "Accepts orders onto the queue",
        memory=512,
        timeout=10,
        path=ASYNC,
        rights=(
            allow("AcceptOrders", (sqs.SendMessage,), ORDER_QUEUE.arn),
            # An order that a setting refuses today may have been accepted before.
            allow("RecogniseOrders", (dynamodb.GetItem,), ORDERS_TABLE),
            allow("ReadSettings", (ssm.GetParameters,), API_CONFIG, FEATURE_FLAGS),
        ),
        variables=("ORDER_QUEUE_URL", "TABLE_NAME", *_SETTINGS, "ALLOWED_ORIGINS"),
    ),
    Function(
        "orders_worker",
        "Stores the orders of the queue",
        # For its CPU: a full batch of an import, 10 messages of 25 orders, takes 55 ms of a vCPU, of which this is 0.58,
        # and 72 MB with the largest messages (64 KB).
        memory=1024,
        # A full batch is five transactions at once, in all about 0.3 s. No call to DynamoDB begins in the last third of
        # the time: 40 s of retries in an outage, and 20 s for a last call (16 s at most) and for the 25 calls that
        # reject 250 orders.
        timeout=60,
        path=ASYNC,
        rights=(
            allow("StoreOrders", (dynamodb.PartiQLInsert, dynamodb.PutItem), ORDERS_TABLE),
            allow("RejectOrders", (sqs.SendMessage,), ORDER_QUEUE.dead_letters.arn),
            allow("ReadSettings", (ssm.GetParameters,), API_CONFIG, FEATURE_FLAGS),
        ),
        variables=("TABLE_NAME", "ORDER_DEAD_LETTER_QUEUE_URL", *_SETTINGS, "ORDER_TTL_DAYS"),
        trigger=QueueTrigger(
            ORDER_QUEUE,
            batch_size=Ref("WorkerBatchSize"),
            batching_window=Ref("WorkerBatchingWindow"),
            max_concurrency=Ref("WorkerMaximumConcurrency"),
        ),
    ),
    Function(
        "orders_events",
        "Announces changes of orders",
        memory=512,
        timeout=30,
        path=EVENTS,
        rights=(allow("AnnounceOrders", (sns.Publish,), ORDER_EVENTS),),
        variables=("ORDER_EVENTS_TOPIC_ARN", "ORDER_EVENTS_DEAD_LETTER_QUEUE_URL"),
        trigger=StreamTrigger(
            "OrdersStream",
            ORDERS_STREAM,
            ORDERS_ONLY,
            EVENTS_DLQ,
            alarm="order-events-age",
            age_limit=Ref("StreamAgeSeconds"),
        ),
    ),
    Function(
        "orders_import",
        "Queues the orders of uploaded files",
        # One vCPU (Lambda developer guide, "Configure Lambda function memory"): parsing and validating use the CPU
        # in one thread, so less memory is slower and more is no faster. No reserved concurrency, which would only
        # limit it: the queue absorbs many files at once, and its consumer is bounded.
        memory=1769,
        timeout=900,
        path=IMPORT,
        rights=(
            # GetObject for an event without a version.
            allow("ReadFiles", (s3.GetObjectVersion, s3.GetObject), ORDER_FILES),
            allow("WriteReports", (s3.PutObject,), IMPORT_REPORTS),
            allow("QueueOrders", (sqs.SendMessage,), ORDER_QUEUE.arn),
            allow("RecogniseOrders", (dynamodb.GetItem,), ORDERS_TABLE),
            allow("ReadSettings", (ssm.GetParameters,), API_CONFIG, FEATURE_FLAGS),
        ),
        variables=("ORDER_QUEUE_URL", "TABLE_NAME", *_SETTINGS),
        trigger=RuleTrigger(
            "OrderFilesRule",
            names.order_files_rule("${Environment}"),
            f"Files uploaded under {UPLOAD_PREFIX} are imported",
            UPLOADED_FILES,
            IMPORT_DLQ,
        ),
        invokes_itself=True,
        # With a large file it runs until a minute or a fifth of its time is left, then continues in another
        # invocation. An invocation beyond this share did not get that far.
        slow_share=0.97,
    ),
)


def mapping_title(function: Function, trigger: QueueTrigger | StreamTrigger) -> str:
    """Logical id of its event source mapping, such as OrderQueueToWorker."""
    return f"{trigger.title}To{function.title.removeprefix('Orders')}"


BY_KEY = {function.key: function for function in FUNCTIONS}

CONSUMERS = {function.trigger.queue: function for function in FUNCTIONS if isinstance(function.trigger, QueueTrigger)}
QUEUES = tuple(CONSUMERS)
DEAD_LETTER_QUEUES = tuple(dict.fromkeys(function.failures for function in FUNCTIONS if function.failures))
