"""The root stack: the parameters of an environment, the four nested stacks and the outputs for users."""

from typing import Any

from troposphere import Output, Ref, Tags, Template
from troposphere.cloudformation import Stack

from config import names
from contract.partners import TIERS
from generator import outputs, parameters
from generator.functions import DEAD_LETTER_QUEUES, FUNCTIONS, QUEUES
from generator.lifecycle import DELETED

SHOWN = (
    *("ApiUrl", "ApiId", "ApiKeyId", "StageName", "OrdersTableName", "OrderEventsTopicArn", "UploadBucketName"),
    *("AlertsTopicArn", "DashboardUrl"),
    *map(names.usage_plan_output, TIERS),
)


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
    available = {name: Ref(name) for name in template.parameters}
    for name, child in (("data", data), ("compute", compute), ("api", api), ("monitoring", monitoring)):
        template.add_resource(nested(name, child, available))
        # A stack gets the outputs of those before it.
        available |= outputs.read(name)
    described = outputs.descriptions()
    urls = [f"{queue.prefix}Url" for queue in (*QUEUES, *DEAD_LETTER_QUEUES)]
    shown = [
        *((name, name, described[name]) for name in SHOWN),
        *((f"{each.title}Function", each.name_parameter, each.description) for each in FUNCTIONS),
        *((name, name, described[name]) for name in urls),
    ]
    for name, source, description in shown:
        template.add_output(Output(name, Description=description, Value=available[source]))
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
