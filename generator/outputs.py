"""What crosses a stack boundary, as types.

A child emits exactly the fields of its dataclass; the root reads them as attributes. A
misspelt name is an AttributeError or a KeyError while rendering, not a failed deployment.
"""

from dataclasses import dataclass, fields
from typing import Annotated, Any, TypeVar, get_type_hints

from troposphere import GetAtt, Output, Template

Outputs = TypeVar("Outputs")


@dataclass(frozen=True)
class DataOutputs:
    orders_table_name: Annotated[Any, "Name of the orders table"]
    orders_table_arn: Annotated[Any, "ARN of the orders table"]
    orders_stream_arn: Annotated[Any, "ARN of the orders table's stream"]
    order_queue_arn: Annotated[Any, "ARN of the queue of accepted orders"]
    order_queue_name: Annotated[Any, "Name of the queue of accepted orders"]
    order_queue_url: Annotated[Any, "URL of the queue of accepted orders"]
    order_queue_dlq_arn: Annotated[Any, "ARN of the queue of orders that could not be stored"]
    order_queue_dlq_name: Annotated[Any, "Name of the queue of orders that could not be stored"]
    order_queue_dlq_url: Annotated[Any, "URL of the queue of orders that could not be stored"]
    order_events_topic_arn: Annotated[Any, "ARN of the topic of order events"]
    order_events_topic_name: Annotated[Any, "Name of the topic of order events"]
    order_events_dlq_arn: Annotated[Any, "ARN of the queue of changes that could not be announced"]
    order_events_dlq_name: Annotated[Any, "Name of the queue of changes that could not be announced"]
    order_events_dlq_url: Annotated[Any, "URL of the queue of changes that could not be announced"]
    upload_bucket_arn: Annotated[Any, "ARN of the bucket of order files"]
    upload_bucket_name: Annotated[Any, "Name of the bucket of order files"]
    order_import_dlq_arn: Annotated[Any, "ARN of the queue of files that could not be imported"]
    order_import_dlq_name: Annotated[Any, "Name of the queue of files that could not be imported"]
    order_import_dlq_url: Annotated[Any, "URL of the queue of files that could not be imported"]
    dead_letter_queue_arn: Annotated[Any, "ARN of the queue of failed asynchronous invocations"]
    dead_letter_queue_name: Annotated[Any, "Name of the queue of failed asynchronous invocations"]
    dead_letter_queue_url: Annotated[Any, "URL of the queue of failed asynchronous invocations"]


@dataclass(frozen=True)
class ComputeOutputs:
    """`<key>_name` of every function in `generator.functions`, `<key>_arn` of those that the API invokes."""

    orders_command_arn: Annotated[Any, "ARN of the function that places and changes orders"]
    orders_command_name: Annotated[Any, "Name of the function that places and changes orders"]
    orders_query_arn: Annotated[Any, "ARN of the function that reads orders"]
    orders_query_name: Annotated[Any, "Name of the function that reads orders"]
    orders_intake_arn: Annotated[Any, "ARN of the function that accepts orders onto the queue"]
    orders_intake_name: Annotated[Any, "Name of the function that accepts orders onto the queue"]
    orders_worker_name: Annotated[Any, "Name of the function that stores the orders of the queue"]
    orders_events_name: Annotated[Any, "Name of the function that announces changes of orders"]
    orders_import_name: Annotated[Any, "Name of the function that queues the orders of uploaded files"]


@dataclass(frozen=True)
class ApiOutputs:
    api_url: Annotated[Any, "Where the API answers; append /orders"]
    api_id: Annotated[Any, "Id of the REST API"]
    api_name: Annotated[Any, "Name of the REST API, the dimension of its metrics"]
    stage_name: Annotated[Any, "Name of the deployed stage"]
    api_key_id: Annotated[Any, "Id of the API key; its value: aws apigateway get-api-key --include-value"]


@dataclass(frozen=True)
class MonitoringOutputs:
    alerts_topic_arn: Annotated[Any, "ARN of the topic that alarms notify; subscribe to it"]
    dashboard_url: Annotated[Any, "The dashboard in the CloudWatch console"]


def emit(template: Template, outputs: Any) -> None:
    """Declare every field of `outputs` as an output of the child."""
    described = _described(type(outputs))
    for name, value in named(outputs).items():
        template.add_output(Output(name, Description=described[name], Value=value))


def read(kind: type[Outputs], stack: str) -> Outputs:
    """The outputs of the nested stack `stack`, as the root refers to them."""
    return kind(**{each.name: GetAtt(stack, f"Outputs.{camel(each.name)}") for each in fields(kind)})


def named(outputs: Any) -> dict[str, Any]:
    """Output name -> value; a sibling's parameters have the same names."""
    return {camel(each.name): getattr(outputs, each.name) for each in fields(outputs)}


def descriptions() -> dict[str, str]:
    """Description of every output that one stack may hand to another."""
    kinds = (DataOutputs, ComputeOutputs, ApiOutputs, MonitoringOutputs)
    return {name: description for kind in kinds for name, description in _described(kind).items()}


def _described(kind: type) -> dict[str, str]:
    hints = get_type_hints(kind, include_extras=True)
    return {camel(name): hint.__metadata__[0] for name, hint in hints.items()}


def camel(name: str) -> str:
    """`orders_table_arn` -> `OrdersTableArn`."""
    return "".join(part.capitalize() for part in name.split("_"))
