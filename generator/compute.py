"""The compute stack: each function of the inventory with its role, its log group and its trigger."""

from awacs import awslambda as lambda_actions
from awacs import logs as logs_actions
from awacs import sqs
from awacs import xray as xray_actions
from awacs.aws import Statement
from troposphere import AWSHelperFn, Equals, GetAtt, If, Not, NoValue, Ref, Sub, Template, awslambda
from troposphere.iam import Policy, PolicyType, Role
from troposphere.logs import LogGroup

from config import names
from generator import audit, event_sources, outputs, parameters, versions
from generator.functions import FUNCTIONS, Function
from generator.lifecycle import DELETED
from generator.policies import allow, assumed_by, policy
from generator.resources import ANYTHING, VARIABLES
from generator.triggers import QueueTrigger, StreamTrigger

RUNTIME = "python3.13"
ARCHITECTURE = "arm64"
TRACES_EVENTS = "TracesEvents"


def build(data: Template) -> Template:
    """`data`: the template of the data stack, whose outputs the functions use."""
    template = Template("Food delivery, compute: the Lambda functions, their roles, log groups and event sources")
    template.add_condition("HasOpenTelemetry", Not(Equals(Ref("OpenTelemetryLayerArn"), "")))
    template.add_condition(TRACES_EVENTS, Equals(Ref("TraceEvents"), "true"))
    layer = template.add_resource(libraries())
    built, live = {}, {}
    for function in FUNCTIONS:
        if function.reserved_concurrency:
            template.add_condition(function.reserves_condition, Not(Equals(Ref(function.reserved_concurrency), "0")))
        log_group = template.add_resource(log_group_of(function))
        role = template.add_resource(role_of(function, log_group))
        itself = built[function.key] = template.add_resource(lambda_of(function, role, log_group, layer))
        published = versions.definition(itself, template, data)
        itself.Environment.Variables[versions.HASH_VARIABLE] = versions.hash_of(published)
        version = template.add_resource(versions.version(function, itself, published))
        live[function.key] = template.add_resource(versions.alias(function, itself, version))
        if function.invokes_itself:
            template.add_resource(self_invocation(function, role, live[function.key]))
    for function in FUNCTIONS:
        template.add_resource(event_sources.resources(function, live[function.key]))
    names_of = {function.name_parameter: Ref(built[function.key]) for function in FUNCTIONS}
    arns = {each.alias_parameter: Ref(live[each.key]) for each in FUNCTIONS if each.answers_requests}
    outputs.emit(template, "compute", **names_of, **arns)
    parameters.declare_used(template)
    return template


def libraries() -> awslambda.LayerVersion:
    """Third-party packages. CloudFormation deletes the old version once every function uses the new one. It needs no
    Retain: a rollback happens before that, and its content stays in the artifact bucket."""
    return awslambda.LayerVersion(
        "LibrariesLayer",
        Description="Third-party packages of the functions",
        Content=awslambda.Content(S3Bucket=Ref("ArtifactBucket"), S3Key=Ref("LayerKey")),
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
    """Allows only the actions and resources that the function uses."""
    return Role(
        f"{function.title}Role",
        Description=Sub(f"{function.name} of {names.root_stack('${Environment}')}"),
        **audit.of_role(function),
        AssumeRolePolicyDocument=assumed_by("lambda"),
        Policies=[Policy(PolicyName=function.name, PolicyDocument=policy(*_permissions(function, log_group)))],
    )


def self_invocation(function: Function, role: Role, live: awslambda.Alias) -> PolicyType:
    """The right to invoke itself, as it is live. Not in the role, which the function needs before it has an ARN: a cycle.

    The function limits how often it does (contract.imports.MAX_INVOCATIONS), below the about 16 invocations in a row
    that Lambda stops as a runaway loop. RecursiveLoop is not set: the detection guards against errors in the function.
    """
    invoke = allow("InvokeItself", (lambda_actions.InvokeFunction,), Ref(live))
    return PolicyType(
        f"{function.title}SelfInvocation",
        PolicyName=f"{function.name}-self-invocation",
        Roles=[Ref(role)],
        PolicyDocument=policy(invoke),
    )


def _permissions(function: Function, log_group: LogGroup) -> list[Statement]:
    # SQS itself moves the messages of a queue.
    dead_letters = None if isinstance(function.trigger, QueueTrigger) else function.failures
    return [
        *event_sources.rights(function),
        *function.rights,
        *([allow(f"SendTo{dead_letters.title}", (sqs.SendMessage,), dead_letters.arn)] if dead_letters else []),
        allow("WriteLogs", (logs_actions.CreateLogStream, logs_actions.PutLogEvents), GetAtt(log_group, "Arn")),
        # X-Ray has no resources: AWS accepts only a star here.
        allow("SendTraces", (xray_actions.PutTraceSegments, xray_actions.PutTelemetryRecords), ANYTHING),
    ]


def lambda_of(function: Function, role: Role, log_group: LogGroup, layer: awslambda.LayerVersion) -> awslambda.Function:
    optional: dict[str, AWSHelperFn | awslambda.DeadLetterConfig] = {}
    if function.reserved_concurrency:
        reserved = If(function.reserves_condition, Ref(function.reserved_concurrency), NoValue)
        optional["ReservedConcurrentExecutions"] = reserved
    if function.dead_letters:
        optional["DeadLetterConfig"] = awslambda.DeadLetterConfig(TargetArn=function.dead_letters.arn)
    return awslambda.Function(
        f"{function.title}Function",
        Metadata=audit.of_function(function),
        Description=function.description,
        Runtime=RUNTIME,
        Architectures=[ARCHITECTURE],
        Handler=function.handler,
        Code=awslambda.Code(S3Bucket=Ref("ArtifactBucket"), S3Key=Ref("FunctionsKey")),
        Layers=[Ref(layer), If("HasOpenTelemetry", Ref("OpenTelemetryLayerArn"), NoValue)],
        MemorySize=function.memory,
        Timeout=function.timeout,
        Role=GetAtt(role, "Arn"),
        Environment=awslambda.Environment(Variables=_variables(function)),
        LoggingConfig=awslambda.LoggingConfig(
            LogGroup=Ref(log_group),
            LogFormat="JSON",
            ApplicationLogLevel=Ref("LogLevel"),
            SystemLogLevel="WARN",
        ),
        TracingConfig=awslambda.TracingConfig(Mode=_tracing(function)),
        **optional,
    )


def _tracing(function: Function) -> If | str:
    """A stream's record carries no trace, so each invocation would begin one, and no sampling rule applies to Lambda."""
    return If(TRACES_EVENTS, "Active", "PassThrough") if isinstance(function.trigger, StreamTrigger) else "Active"


def _variables(function: Function) -> dict:
    return {
        "ENVIRONMENT": Ref("Environment"),
        "DASHBOARD_ENABLED": Ref("DashboardEnabled"),
        **{name: VARIABLES[name] for name in function.variables},
        "POWERTOOLS_SERVICE_NAME": function.name,
        "POWERTOOLS_LOG_LEVEL": Ref("LogLevel"),
        "AWS_LAMBDA_EXEC_WRAPPER": If("HasOpenTelemetry", "/opt/otel-instrument", NoValue),
    }
