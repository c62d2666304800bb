"""On which resources an action is allowed: those with this project's names where the service knows names."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from config import names

# `${Environment}` may end with a star, which stands for several environments.
ENVIRONMENT = "${Environment}"
PREFIX = f"{names.root_stack(ENVIRONMENT)}-*"
"""Names that CloudFormation makes begin with the name of a nested stack."""

ACCOUNT = "${AWS::AccountId}"
ARTIFACTS = names.artifact_bucket(ACCOUNT, "${AWS::Region}")


def arn(service: str, resource: str, region: str = "${AWS::Region}", account: str = ACCOUNT) -> str:
    return f"arn:${{AWS::Partition}}:{service}:{region}:{account}:{resource}"


class Scope(NamedTuple):
    """`actions`: a pattern of names. `why`: for resources that are not only this project's, why they are not."""

    sid: str
    actions: str
    resources: tuple[str, ...]
    condition: Mapping[str, Any] | None = None
    why: str = ""


_NO_NAMES = "IAM knows no resources for these actions"
_RANDOM_IDS = "the service gives ids at random, and what is below an API or a key has no tags to check"
_FUNCTION = arn("lambda", f"function:{PREFIX}")
_MAPPINGS = arn("lambda", "event-source-mapping:*")
_OF_FUNCTIONS = {"ArnLike": {"lambda:FunctionArn": [_FUNCTION]}}
_STAGES = arn("apigateway", "/restapis/*/stages/*", account="")

SCOPES: dict[str, tuple[Scope, ...]] = {
    "apigateway": (
        Scope("Firewall", "SetWebACL", (_STAGES,), why=_RANDOM_IDS),
        Scope(
            "Api",
            ".*",
            tuple(
                arn("apigateway", path, account="")
                for path in ("/account", "/apikeys*", "/restapis*", "/tags/*", "/usageplans*")
            ),
            why=_RANDOM_IDS,
        ),
    ),
    "application-autoscaling": (
        Scope("ReadScaling", "Describe.*", ("*",), why=_NO_NAMES),
        Scope(
            "Scaling",
            "(Register|Deregister|Put|Delete).*",
            (arn("application-autoscaling", "scalable-target/*"),),
            {"StringEquals": {"application-autoscaling:service-namespace": "dynamodb"}},
            "the service gives ids at random; only those of tables are allowed",
        ),
        Scope(
            "TagScaling", ".*", (arn("application-autoscaling", "scalable-target/*"),), why="ids are given at random"
        ),
    ),
    "cloudformation": (
        Scope("ListStacks", "ListStacks", ("*",), why=_NO_NAMES),
        Scope("Stacks", ".*", (arn("cloudformation", f"stack/{PREFIX}"),)),
    ),
    "cloudwatch": (
        Scope(
            "ReadAlarms",
            "DescribeAlarms|ListDashboards",
            ("*",),
            why="composite alarms are described with all, or not at all",
        ),
        Scope(
            "Dashboards", ".*Dashboards?", (arn("cloudwatch", f"dashboard/{names.root_stack(ENVIRONMENT)}", region=""),)
        ),
        Scope("Alarms", ".*", (arn("cloudwatch", f"alarm:{PREFIX}"),)),
    ),
    "codedeploy": (
        Scope("ListApplications", "ListApplications|StopDeployment", ("*",), why=_NO_NAMES),
        Scope(
            "ReadDeploymentConfigs", "GetDeploymentConfig", (arn("codedeploy", "deploymentconfig:*"),), why="AWS's own"
        ),
        Scope(
            "Releases",
            ".*",
            (arn("codedeploy", f"application:{PREFIX}"), arn("codedeploy", f"deploymentgroup:{PREFIX}")),
        ),
    ),
    "dynamodb": (
        Scope("ListTables", "ListTables|ListStreams", ("*",), why=_NO_NAMES),
        Scope("Tables", ".*", (arn("dynamodb", f"table/{PREFIX}"),)),
    ),
    "events": (
        Scope("ListRules", "ListRules", ("*",), why=_NO_NAMES),
        Scope("Rules", ".*", (arn("events", f"rule/{PREFIX}"),)),
    ),
    "lambda": (
        Scope("ListFunctions", "ListFunctions|ListEventSourceMappings|ListLayerVersions", ("*",), why=_NO_NAMES),
        # With LayerName unset, a layer has the name of its logical id.
        Scope(
            "UseLayers",
            "GetLayerVersion",
            (arn("lambda", "layer:*", account="*"),),
            why="functions.open_telemetry_layer_arn may name any account's",
        ),
        Scope("Layers", ".*LayerVersion", (arn("lambda", "layer:LibrariesLayer*"), arn("lambda", f"layer:{PREFIX}"))),
        Scope(
            "CreateEventSources",
            "CreateEventSourceMapping",
            ("*",),
            _OF_FUNCTIONS,
            "a mapping that does not exist has no ARN; only those of this project's functions are allowed",
        ),
        Scope("EventSources", ".*EventSourceMapping", (_MAPPINGS,), _OF_FUNCTIONS, "a mapping has an id at random"),
        Scope("TagFunctions", "ListTags|TagResource|UntagResource", (_FUNCTION, _MAPPINGS)),
        Scope("Functions", ".*", (_FUNCTION,)),
    ),
    "logs": (
        Scope(
            "SavedQueries",
            ".*QueryDefinitions?|Describe(LogGroups|LogStreams|IndexPolicies|ResourcePolicies)",
            ("*",),
            why=_NO_NAMES,
        ),
        Scope(
            "LogGroups",
            ".*",
            (
                arn("logs", f"log-group:{names.log_group(ENVIRONMENT, '*')}"),
                arn("logs", f"log-group:API-Gateway-Execution-Logs_*/{ENVIRONMENT}"),
                arn("logs", f"log-group:API-Gateway-Execution-Logs_*/{ENVIRONMENT}:*"),
            ),
        ),
    ),
    "s3": (
        Scope("ListBuckets", "ListAllMyBuckets", ("*",), why=_NO_NAMES),
        Scope("Artifacts", "GetObject(Version)?", (arn("s3", f"{ARTIFACTS}/*", "", ""),)),
        Scope("Buckets", ".*", (arn("s3", PREFIX, "", ""),)),
    ),
    "sns": (
        Scope(
            "Subscriptions",
            "ListTopics|ListSubscriptions|Unsubscribe|(Get|Set)SubscriptionAttributes",
            ("*",),
            why=_NO_NAMES,
        ),
        Scope("Topics", ".*", (arn("sns", PREFIX),)),
    ),
    "sqs": (
        Scope("ListQueues", "ListQueues", ("*",), why=_NO_NAMES),
        Scope("Queues", ".*", (arn("sqs", PREFIX),)),
    ),
    "ssm": (
        Scope("DescribeParameters", "DescribeParameters", ("*",), why=_NO_NAMES),
        Scope("Parameters", ".*", (arn("ssm", f"parameter{names.parameter_path(ENVIRONMENT, '*')}"),)),
    ),
    "wafv2": (
        Scope("ListFirewalls", "ListWebACLs", ("*",), why=_NO_NAMES),
        Scope(
            "Firewalls",
            ".*",
            (
                arn("wafv2", f"regional/webacl/{names.root_stack(ENVIRONMENT)}/*"),
                arn("wafv2", "regional/managedruleset/*"),
                _STAGES,
            ),
        ),
    ),
    "xray": (
        Scope(
            "TracePolicies",
            "(Put|Delete|List)ResourcePol.*|GetSamplingRules|Put(Trace|Telemetry).*",
            ("*",),
            why=_NO_NAMES,
        ),
        Scope("SamplingRules", ".*", (arn("xray", f"sampling-rule/orders-api-{ENVIRONMENT}"),)),
    ),
}
"""Service -> scopes; the first that matches counts."""


class UnknownService(Exception):
    """No scope is declared for a service."""


class Statement(NamedTuple):
    """`why`: as of its Scope."""

    document: dict[str, Any]
    why: str = ""


def scope_of(action: str) -> Scope:
    """Return the first scope that matches. Raises UnknownService."""
    service, _, name = action.partition(":")
    if service not in SCOPES:
        raise UnknownService(f"no resources are declared for {action}: see generator/bootstrap/scopes.py")
    return next(each for each in SCOPES[service] if re.fullmatch(each.actions, name, re.IGNORECASE))


def example(action: str, environment: str, partition: str, region: str, account: str) -> str:
    """Return the ARN of a resource of an environment on which the action must be allowed."""
    values = {"Environment": environment, "AWS::Partition": partition, "AWS::Region": region, "AWS::AccountId": account}
    resource = re.sub(r"\$\{([\w:]+)\}", lambda match: values[match[1]], scope_of(action).resources[0])
    return resource if resource == "*" else resource.replace("*", "example")


def statements(actions: Iterable[str]) -> list[Statement]:
    """Return the statements that allow the actions, one for each scope, sorted. Raises UnknownService."""
    grouped: dict[str, tuple[Scope, list[str]]] = {}
    for action in sorted(set(actions)):
        scope = scope_of(action)
        grouped.setdefault(scope.sid, (scope, []))[1].append(action)
    return [allow(scope, allowed) for scope, allowed in grouped.values()]


def allow(scope: Scope, actions: list[str]) -> Statement:
    document = {
        "Sid": scope.sid,
        "Effect": "Allow",
        "Action": actions,
        "Resource": [sub(each) for each in scope.resources],
        **({"Condition": sub(scope.condition)} if scope.condition else {}),
    }
    return Statement(document, scope.why)


def sub(node: Any) -> Any:
    """Replace texts with placeholders by Fn::Sub."""
    match node:
        case str():
            return {"Fn::Sub": node} if "${" in node else node
        case dict():
            return {key: sub(value) for key, value in node.items()}
        case list():
            return [sub(each) for each in node]
    return node
