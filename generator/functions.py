"""The Lambda functions: the one list that compute, the API and monitoring are built from.

To add one, append a Function here and its two fields to `outputs.ComputeOutputs`.
"""

from dataclasses import dataclass

from awacs import dynamodb
from awacs.aws import Action

from generator.outputs import camel


@dataclass(frozen=True)
class Function:
    """`key` is the module in `handlers/` and the name in `contract.routes`.

    `table_actions` and `index_actions` are what it may do with OrdersTable and its
    customerIdIndex; `settings` are the SSM parameters it reads (names as in `config.names`).
    A function with `dead_letters` leaves failed asynchronous invocations in OrderProcessingDLQ.
    """

    key: str
    description: str
    memory: int
    timeout: int
    table_actions: tuple[Action, ...]
    settings: tuple[str, ...]
    index_actions: tuple[Action, ...] = ()
    reserved_concurrency: str | None = None  # the parameter that sets it
    dead_letters: bool = False

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


FUNCTIONS: tuple[Function, ...] = (
    Function(
        "orders_command",
        "Places orders and moves them to their next status",
        memory=1024,
        timeout=30,
        # A TransactWriteItems is authorized as the actions it is made of.
        table_actions=(dynamodb.GetItem, dynamodb.PutItem, dynamodb.Query, dynamodb.UpdateItem),
        settings=("api-config", "feature-flags"),
        reserved_concurrency="CommandReservedConcurrency",
        dead_letters=True,
    ),
    Function(
        "orders_query",
        "Reads one order or a customer's orders",
        memory=512,
        timeout=10,
        table_actions=(dynamodb.GetItem, dynamodb.Query),
        index_actions=(dynamodb.Query,),
        settings=("api-config",),
    ),
)
