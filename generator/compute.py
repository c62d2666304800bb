"""The compute stack: each function of the inventory with a role and a log group of its own, and what feeds it."""

from dataclasses import fields

from awacs import awslambda as lambda_actions
from awacs import logs as logs_actions
from awacs import xray as xray_actions
from awacs.aws import Statement
from troposphere import AWSHelperFn, Equals, GetAtt, If, Not, NoValue, Ref, Sub, Template
from troposphere.awslambda import (
    Code,
    Content,
    DeadLetterConfig,
    Environment,
    LayerVersion,
    LoggingConfig,
    TracingConfig,
)
from troposphere.awslambda import Function as LambdaFunction
from troposphere.iam import Policy, PolicyType, Role
from troposphere.logs import LogGroup

from config import names
from generator import audit, event_sources, outputs, parameters
from generator.functions import FUNCTIONS, Function
from generator.lifecycle import DELETED
from generator.policies import allow, assumed_by, policy
from generator.resources import ANYTHING, DEAD_LETTER_QUEUE, VARIABLES

RUNTIME = "python3.13"
ARCHITECTURE = "arm64"


def build() -> Template:
    template = Template("Food delivery, compute: the Lambda functions, their roles, log groups and event sources")
    parameters.declare(
        template,
        *("Environment", "ArtifactBucket", "FunctionsKey", "LayerKey"),
        *("OrdersTableName", "OrdersTableArn", "OrdersStreamArn", "DeadLetterQueueArn"),
        *("OrderQueueArn", "OrderQueueUrl", "OrderQueueDlqArn", "OrderQueueDlqUrl"),
        *("OrderEventsTopicArn", "OrderEventsDlqArn", "OrderEventsDlqUrl"),
        *("UploadBucketName", "UploadBucketArn", "OrderImportDlqArn"),
        *("WorkerBatchSize", "WorkerBatchingWindow", "WorkerMaximumConcurrency"),
        *("CommandReservedConcurrency", "LogLevel", "LogRetentionDays", "OpenTelemetryLayerArn"),
        *("AllowedOrigins", "OrderTtlDays"),
    )
    template.add_condition("HasOpenTelemetry", Not(Equals(Ref("OpenTelemetryLayerArn"), "")))
    layer = template.add_resource(libraries())
    built = {}
    for function in FUNCTIONS:
        if function.reserved_concurrency:
            template.add_condition(function.reserves_condition, Not(Equals(Ref(function.reserved_concurrency), "0")))
        log_group = template.add_resource(log_group_of(function))
        role = template.add_resource(role_of(function, log_group))
        built[function.key] = template.add_resource(lambda_of(function, role, log_group, layer))
        if function.hands_on:
            template.add_resource(right_to_hand_on(function, role, built[function.key]))
    template.add_resource(event_sources.queue_to_worker(built["orders_worker"]))
    template.add_resource(event_sources.stream_to_events(built["orders_events"]))
    template.add_resource(event_sources.files_to_importer(built["orders_import"]))
    names_and_arns = {f"{key}_name": Ref(resource) for key, resource in built.items()}
    names_and_arns |= {f"{key}_arn": GetAtt(resource, "Arn") for key, resource in built.items()}
    wanted = {each.name: names_and_arns[each.name] for each in fields(outputs.ComputeOutputs)}
    outputs.emit(template, outputs.ComputeOutputs(**wanted))
    return template


def libraries() -> LayerVersion:
    """Third-party packages. An old version goes once every function uses the new one; it needs no
    Retain, because a rollback happens before that and its content stays in the artifact bucket."""
    return LayerVersion(
        "LibrariesLayer",
        Description="Third-party packages of the functions",
        Content=Content(S3Bucket=Ref("ArtifactBucket"), S3Key=Ref("LayerKey")),
        CompatibleRuntimes=[RUNTIME],
        CompatibleArchitectures=[ARCHITECTURE],
    )


def log_group_of(function: Function) -> LogGroup:
    return LogGroup(
        f"{function.title}Logs",
        **DELETED,
        Metadata=audit.LOG_GROUP,
        LogGroupName=Sub(names.log_group("${Environment}", function.name)),
        RetentionInDays=Ref("LogRetentionDays"),
    )


def role_of(function: Function, log_group: LogGroup) -> Role:
    """Exactly the actions and resources that the function uses."""
    return Role(
        f"{function.title}Role",
        Description=Sub(f"{function.name} of {names.root_stack('${Environment}')}"),
        AssumeRolePolicyDocument=assumed_by("lambda"),
        Policies=[Policy(PolicyName=function.name, PolicyDocument=policy(*_permissions(function, log_group)))],
    )


def right_to_hand_on(function: Function, role: Role, itself: LambdaFunction) -> PolicyType:
    """To invoke itself. Not in the role, which the function needs before it has an ARN: a circle.

    How often is for the function to bound (contract.imports.MAX_INVOCATIONS), below the 16 or so
    invocations in a row at which Lambda takes them for a runaway loop and stops them. That detection
    stays on, so RecursiveLoop is not set: it would bound a mistake in ours.
    """
    invoke = allow("HandOn", (lambda_actions.InvokeFunction,), GetAtt(itself, "Arn"))
    return PolicyType(
        f"{function.title}HandsOn",
        PolicyName=f"{function.name}-hands-on",
        Roles=[Ref(role)],
        PolicyDocument=policy(invoke),
    )


def _permissions(function: Function, log_group: LogGroup) -> list[Statement]:
    return [
        *function.rights,
        allow("WriteLogs", (logs_actions.CreateLogStream, logs_actions.PutLogEvents), GetAtt(log_group, "Arn")),
        # X-Ray knows no resources: AWS accepts nothing but a star here.
        allow("SendTraces", (xray_actions.PutTraceSegments, xray_actions.PutTelemetryRecords), ANYTHING),
    ]


def lambda_of(function: Function, role: Role, log_group: LogGroup, layer: LayerVersion) -> LambdaFunction:
    optional: dict[str, AWSHelperFn | DeadLetterConfig] = {}
    if function.reserved_concurrency:
        reserved = If(function.reserves_condition, Ref(function.reserved_concurrency), NoValue)
        optional["ReservedConcurrentExecutions"] = reserved
    if function.dead_letters:
        optional["DeadLetterConfig"] = DeadLetterConfig(TargetArn=DEAD_LETTER_QUEUE)
    return LambdaFunction(
        f"{function.title}Function",
        Metadata=audit.of_function(function),
        Description=function.description,
        Runtime=RUNTIME,
        Architectures=[ARCHITECTURE],
        Handler=function.handler,
        Code=Code(S3Bucket=Ref("ArtifactBucket"), S3Key=Ref("FunctionsKey")),
        Layers=[Ref(layer), If("HasOpenTelemetry", Ref("OpenTelemetryLayerArn"), NoValue)],
        MemorySize=function.memory,
        Timeout=function.timeout,
        Role=GetAtt(role, "Arn"),
        Environment=Environment(Variables=_variables(function)),
        LoggingConfig=LoggingConfig(
            LogGroup=Ref(log_group),
            LogFormat="JSON",
            ApplicationLogLevel=Ref("LogLevel"),
            SystemLogLevel="WARN",
        ),
        TracingConfig=TracingConfig(Mode="Active"),
        **optional,
    )


def _variables(function: Function) -> dict:
    return {
        "ENVIRONMENT": Ref("Environment"),
        **{name: VARIABLES[name] for name in function.variables},
        "POWERTOOLS_SERVICE_NAME": function.name,
        "POWERTOOLS_LOG_LEVEL": Ref("LogLevel"),
        "AWS_LAMBDA_EXEC_WRAPPER": If("HasOpenTelemetry", "/opt/otel-instrument", NoValue),
    }
