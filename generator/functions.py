"""The Lambda functions: the one list that compute, the API and monitoring are built from.

To add one, append a Function here and its outputs to `outputs.ComputeOutputs`.
"""

from dataclasses import dataclass

from awacs import dynamodb, s3, sns, sqs, ssm
from awacs.aws import Statement

from contract.metrics import ASYNC, IMPORT, SYNC
from generator.outputs import camel
from generator.policies import allow
from generator.resources import (
    ANYTHING,
    API_CONFIG,
    DEAD_LETTER_QUEUE,
    FEATURE_FLAGS,
    IMPORT_REPORTS,
    ORDER_EVENTS,
    ORDER_EVENTS_DLQ,
    ORDER_FILES,
    ORDER_IMPORT_DLQ,
    ORDER_QUEUE,
    ORDER_QUEUE_DLQ,
    ORDERS_BY_CUSTOMER,
    ORDERS_STREAM,
    ORDERS_TABLE,
)


@dataclass(frozen=True)
class Function:
    """`key` is the module in `handlers/` and the name in `contract.routes`.

    `rights` are all that it may do, but for its logs and traces, which every function writes;
    `variables` are the names in `resources.VARIABLES` that it reads. A function with
    `dead_letters` leaves failed asynchronous invocations in OrderProcessingDLQ. One that `hands_on`
    may invoke itself.

    `path` is the one whose alarm rings when it fails (see generator.alarms). Above `slow_share` of its
    timeout an invocation is slow, unless a client waits for it, who has less patience.
    """

    key: str
    description: str
    memory: int
    timeout: int
    path: str
    rights: tuple[Statement, ...]
    variables: tuple[str, ...]
    reserved_concurrency: str | None = None  # the parameter that sets it
    dead_letters: bool = False
    hands_on: bool = False
    # Half: what takes twice as long would be cut off, and there is time to act before it does.
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
        """The parameter that hands its physical name to a stack."""
        return camel(f"{self.key}_name")

    @property
    def reserves_condition(self) -> str:
        return f"{self.title}ReservesConcurrency"

    @property
    def slow_ms(self) -> int:
        return round(self.timeout * 1000 * self.slow_share)


EVENTS = "events"  # the path on which no order comes in, but on which what became of them goes out

_SETTINGS = ("API_CONFIG_PARAMETER", "FEATURE_FLAGS_PARAMETER")

# A TransactWriteItems is authorized as the actions it is made of. aws/ssm, the key of
# SecureStrings, lets whoever may read the parameter decrypt it. An event source is read, and
# what fails for good is put away, by Lambda itself, but with the function's rights.
FUNCTIONS: tuple[Function, ...] = (
    Function(
        "orders_command",
        "Places orders and moves them to their next status",
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
            allow("KeepDeadLetters", (sqs.SendMessage,), DEAD_LETTER_QUEUE),
        ),
        variables=("TABLE_NAME", *_SETTINGS, "ALLOWED_ORIGINS", "ORDER_TTL_DAYS"),
        reserved_concurrency="CommandReservedConcurrency",
        dead_letters=True,
    ),
    Function(
        "orders_query",
        "Reads one order or a customer's orders",
        memory=512,
        timeout=10,
        path=SYNC,
        rights=(
            allow("UseOrders", (dynamodb.GetItem, dynamodb.Query), ORDERS_TABLE),
            allow("UseCustomerIndex", (dynamodb.Query,), ORDERS_BY_CUSTOMER),
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
            allow("AcceptOrders", (sqs.SendMessage,), ORDER_QUEUE),
            # What a setting would refuse may have been accepted before.
            allow("RecogniseOrders", (dynamodb.GetItem,), ORDERS_TABLE),
            allow("ReadSettings", (ssm.GetParameters,), API_CONFIG, FEATURE_FLAGS),
        ),
        variables=("ORDER_QUEUE_URL", "TABLE_NAME", *_SETTINGS, "ALLOWED_ORIGINS"),
    ),
    Function(
        "orders_worker",
        "Stores the orders of the queue",
        memory=1024,
        timeout=60,
        path=ASYNC,
        rights=(
            allow("TakeOrders", (sqs.ReceiveMessage, sqs.DeleteMessage, sqs.GetQueueAttributes), ORDER_QUEUE),
            allow("StoreOrders", (dynamodb.PutItem,), ORDERS_TABLE),
            allow("RejectOrders", (sqs.SendMessage,), ORDER_QUEUE_DLQ),
            allow("ReadSettings", (ssm.GetParameters,), API_CONFIG, FEATURE_FLAGS),
        ),
        variables=("TABLE_NAME", "ORDER_DEAD_LETTER_QUEUE_URL", *_SETTINGS, "ORDER_TTL_DAYS"),
    ),
    Function(
        "orders_events",
        "Announces what the table's stream tells of orders",
        memory=512,
        timeout=30,
        path=EVENTS,
        rights=(
            allow(
                "ReadStream",
                (dynamodb.DescribeStream, dynamodb.GetRecords, dynamodb.GetShardIterator),
                ORDERS_STREAM,
            ),
            # Lambda demands it for a stream, and IAM knows no resource that it could be limited to.
            allow("FindStream", (dynamodb.ListStreams,), ANYTHING),
            allow("AnnounceOrders", (sns.Publish,), ORDER_EVENTS),
            allow("KeepUnannounced", (sqs.SendMessage,), ORDER_EVENTS_DLQ),
        ),
        variables=("ORDER_EVENTS_TOPIC_ARN", "ORDER_EVENTS_DEAD_LETTER_QUEUE_URL"),
    ),
    Function(
        "orders_import",
        "Queues the orders of uploaded files",
        # One whole vCPU, says AWS of 1,769 MB (Lambda developer guide, "Configure Lambda function memory"):
        # parsing and validating is all CPU and one thread, so less is slower and more is no faster.
        # No concurrency is reserved, which would only bound it: many files at once are the queue's to
        # absorb, and the worker behind it is bounded.
        memory=1769,
        timeout=900,
        path=IMPORT,
        rights=(
            # Without a version for an event that names none.
            allow("ReadFiles", (s3.GetObjectVersion, s3.GetObject), ORDER_FILES),
            allow("WriteReports", (s3.PutObject,), IMPORT_REPORTS),
            allow("QueueOrders", (sqs.SendMessage,), ORDER_QUEUE),
            allow("RecogniseOrders", (dynamodb.GetItem,), ORDERS_TABLE),
            allow("ReadSettings", (ssm.GetParameters,), API_CONFIG, FEATURE_FLAGS),
            allow("KeepFailedImports", (sqs.SendMessage,), ORDER_IMPORT_DLQ),
        ),
        variables=("ORDER_QUEUE_URL", "TABLE_NAME", *_SETTINGS),
        hands_on=True,
        # It fills its time with a large file and hands on the rest with a minute left, or a fifth of it: a
        # run beyond this did not get round to that.
        slow_share=0.97,
    ),
)

BY_KEY = {function.key: function for function in FUNCTIONS}
