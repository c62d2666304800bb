"""What crosses a stack boundary: the outputs of each nested stack, which its siblings declare as parameters.

A misspelt name is a KeyError while rendering, not a failed deployment.
"""

from typing import Any

from troposphere import GetAtt, Output, Template

from config import names
from contract.partners import TIERS
from generator.functions import DEAD_LETTER_QUEUES, FUNCTIONS, QUEUES

_OF_QUEUES = {
    f"{queue.prefix}{kind.capitalize()}": f"{kind} of the queue of {queue.contents}"
    for queue in (*QUEUES, *DEAD_LETTER_QUEUES)
    for kind in ("ARN", "Name", "URL")
}
_OF_FUNCTIONS = {
    parameter: f"{kind} of the function that {function.description[0].lower()}{function.description[1:]}"
    for function in FUNCTIONS
    for kind, parameter in (("ARN of the alias", function.alias_parameter), ("Name", function.name_parameter))
    if kind == "Name" or function.answers_requests
}

# Stack -> output -> description.
OUTPUTS: dict[str, dict[str, str]] = {
    "data": {
        "OrdersTableName": "Name of the orders table",
        "OrdersTableArn": "ARN of the orders table",
        "OrdersStreamArn": "ARN of the orders table's stream",
        **_OF_QUEUES,
        "OrderEventsTopicArn": "ARN of the topic of order events; subscribe to it",
        "OrderEventsTopicName": "Name of the topic of order events",
        "UploadBucketArn": "ARN of the bucket of order files",
        "UploadBucketName": "Name of the bucket of order files: they go under orders/, reports are under reports/",
    },
    "compute": _OF_FUNCTIONS,
    "api": {
        "ApiUrl": "Where the API answers; append /orders",
        "ApiId": "Id of the REST API",
        "ApiName": "Name of the REST API, the dimension of its metrics",
        "StageName": "Name of the deployed stage",
        "ApiKeyId": "Id of the operator's API key; its value: aws apigateway get-api-key --include-value",
        **{names.usage_plan_output(tier): f"Id of the usage plan of {tier} partners" for tier in TIERS},
    },
    "monitoring": {
        "AlertsTopicArn": "ARN of the topic that alarms notify; subscribe to it",
        "DashboardUrl": "The dashboard in the CloudWatch console, or without one the alarms",
    },
}


def emit(template: Template, stack: str, **values: Any) -> None:
    """Declare the outputs of the nested stack. Raises KeyError if a value is missing or has no description."""
    for name in (*OUTPUTS[stack], *values):
        if name not in template.outputs:
            template.add_output(Output(name, Description=OUTPUTS[stack][name], Value=values[name]))


def read(stack: str) -> dict[str, GetAtt]:
    """Output name -> value, as the root refers to it. A sibling's parameters have the same names."""
    return {name: GetAtt(f"{stack.capitalize()}Stack", f"Outputs.{name}") for name in OUTPUTS[stack]}


def descriptions() -> dict[str, str]:
    """Description of every output that one stack may pass to another."""
    return {name: description for outputs in OUTPUTS.values() for name, description in outputs.items()}
