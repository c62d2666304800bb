"""The template of a managed policy for those who give partners API keys and subscriptions, and take them back."""

from troposphere import Output, Parameter, Ref, Template

from config import names
from generator.bootstrap import packing, scopes, template
from generator.bootstrap.deployer import (
    BUCKET,
    KEY,
    KEYS,
    LISTS_KEYS,
    OF_ENVIRONMENT,
    PARTNERS_KEY,
    RANDOM_IDS,
    ROOT,
    statement,
)
from generator.bootstrap.scopes import ENVIRONMENT, Statement, arn

_NEW_KEY = {
    "StringLike": scopes.sub({key.replace("Resource", "Request"): value for key, value in OF_ENVIRONMENT.items()})
}
_RECORDS = f"deployments/{ENVIRONMENT}/partners/*"
_TOPIC = arn("sns", f"{names.root_stack(ENVIRONMENT)}-DataStack-*")
_OF_PLANS, _USAGE = (arn("apigateway", f"/usageplans/*/{what}", account="") for what in ("keys", "usage"))


def build() -> Template:
    made = Template("Food delivery, the rights to manage the API keys of an environment's partners")
    made.add_parameter(Parameter("Environment", **template.PARAMETERS["Environment"]))
    policy = made.add_resource(packing.policy("PartnerPolicy", "What deploy.py's commands for partners call", rights()))
    made.add_output(
        Output("PartnerPolicyArn", Description="To attach to the role of those who manage partners", Value=Ref(policy))
    )
    return made


def rights() -> list[Statement]:
    """Return what the commands for partners call."""
    return [
        statement("ReadStack", "cloudformation:DescribeStacks", ROOT),
        statement("ListKeys", "apigateway:GET", KEYS, why=LISTS_KEYS),
        statement("CreateKeys", "apigateway:POST", KEYS, condition=_NEW_KEY, why="a new key has no id"),
        statement(
            "TagKeys",
            "apigateway:PUT",
            arn("apigateway", "/tags/*", account=""),
            condition=_NEW_KEY,
            why="API Gateway may ask for it when a key is created with tags",
        ),
        statement("Keys", "apigateway:GET DELETE", KEY, condition=PARTNERS_KEY, why=RANDOM_IDS),
        statement("PlansOfKeys", "apigateway:GET POST", _OF_PLANS, why="ids are random"),
        statement("ListSubscriptions", "sns:ListSubscriptionsByTopic", _TOPIC),
        statement("Subscribe", "sns:Subscribe", _TOPIC, condition={"StringEquals": {"sns:Protocol": ["https", "sqs"]}}),
        statement(
            "Subscriptions",
            "sns:GetSubscriptionAttributes SetSubscriptionAttributes Unsubscribe",
            "*",
            why="IAM knows no resources for these actions (Service Authorization Reference, Amazon SNS)",
        ),
        statement("ReadUsage", "apigateway:GET", _USAGE, why="ids are random"),
        statement(
            "ListRecords",
            "s3:ListBucket",
            BUCKET,
            condition={"StringLike": scopes.sub({"s3:prefix": _RECORDS})},
        ),
        statement("Records", "s3:GetObject PutObject", f"{BUCKET}/{_RECORDS}"),
    ]
