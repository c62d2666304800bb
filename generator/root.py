"""The root stack: the parameters of an environment, the four nested stacks and the outputs for users."""

from typing import Any

from troposphere import Output, Ref, Tags, Template
from troposphere.cloudformation import Stack

from config import names
from generator import outputs, parameters
from generator.lifecycle import DELETED
from generator.outputs import ApiOutputs, ComputeOutputs, DataOutputs, MonitoringOutputs


def build(data: Template, compute: Template, api: Template, monitoring: Template) -> Template:
    """Build the root template; each child is passed exactly the parameters that it declares."""
    template = Template("Food-delivery order platform. Nested: data, compute, api, monitoring")
    template.set_metadata(
        {
            "cfn-lint": {"config": {"ignore_checks": ["W3002"]}},
            "IgnoredChecks": {"W3002": "TemplateURLs are relative here; the deployer replaces them by those of S3"},
        }
    )
    parameters.declare_all(template)
    from_data = outputs.read(DataOutputs, "DataStack")
    from_compute = outputs.read(ComputeOutputs, "ComputeStack")
    from_api = outputs.read(ApiOutputs, "ApiStack")
    from_monitoring = outputs.read(MonitoringOutputs, "MonitoringStack")

    available = {name: Ref(name) for name in template.parameters}
    for name, child, emitted in (
        ("data", data, from_data),
        ("compute", compute, from_compute),
        ("api", api, from_api),
        ("monitoring", monitoring, from_monitoring),
    ):
        template.add_resource(nested(name, child, available))
        # A stack can use the outputs of earlier ones.
        available |= outputs.named(emitted)

    shown = {
        "ApiUrl": (from_api.api_url, "Where the API answers; append /orders"),
        "ApiId": (from_api.api_id, "Id of the REST API"),
        "ApiKeyId": (from_api.api_key_id, "Id of the API key; its value: aws apigateway get-api-key --include-value"),
        "StageName": (from_api.stage_name, "Stage of the API"),
        "OrdersTableName": (from_data.orders_table_name, "The DynamoDB table of orders"),
        "DeadLetterQueueUrl": (from_data.dead_letter_queue_url, "Asynchronous invocations that failed for good"),
        "OrdersCommandFunction": (from_compute.orders_command_name, "Places and changes orders"),
        "OrdersQueryFunction": (from_compute.orders_query_name, "Reads orders"),
        "OrdersIntakeFunction": (from_compute.orders_intake_name, "Accepts orders onto the queue"),
        "OrdersWorkerFunction": (from_compute.orders_worker_name, "Stores the orders of the queue"),
        "OrdersEventsFunction": (from_compute.orders_events_name, "Announces changes of orders"),
        "OrdersImportFunction": (from_compute.orders_import_name, "Queues the orders of uploaded files"),
        "OrderQueueUrl": (from_data.order_queue_url, "Accepted orders, to be stored"),
        "OrderQueueDlqUrl": (from_data.order_queue_dlq_url, "Orders that could not be stored, with the reasons"),
        "OrderEventsTopicArn": (from_data.order_events_topic_arn, "The topic of order events; subscribe to it"),
        "OrderEventsDlqUrl": (from_data.order_events_dlq_url, "Changes of orders that could not be announced"),
        "UploadBucketName": (
            from_data.upload_bucket_name,
            "Files of orders go under orders/, reports are under reports/",
        ),
        "OrderImportDlqUrl": (from_data.order_import_dlq_url, "Files that could not be imported"),
        "AlertsTopicArn": (from_monitoring.alerts_topic_arn, "The topic that alarms notify"),
        "DashboardUrl": (from_monitoring.dashboard_url, "The CloudWatch dashboard"),
    }
    for name, (value, description) in shown.items():
        template.add_output(Output(name, Description=description, Value=value))
    return template


def nested(name: str, child: Template, available: dict[str, Any]) -> Stack:
    """Return the stack of a child. Raises KeyError for a parameter that neither the root nor a sibling supplies."""
    return Stack(
        f"{name.capitalize()}Stack",
        **DELETED,
        # Relative, so that cfn-lint finds the child; the deployer replaces it with the URL of the uploaded copy.
        TemplateURL=f"./{name}.yaml",
        Parameters={parameter: available[parameter] for parameter in child.parameters},
        # CloudFormation passes them on to every resource that supports tags.
        Tags=Tags(Project=names.PROJECT, Environment=Ref("Environment")),
    )
