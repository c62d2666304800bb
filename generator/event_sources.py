"""What invokes functions by itself: the queue the worker, the table's stream the announcer, a file the importer."""

import json

from troposphere import GetAtt, Ref, Sub
from troposphere.awslambda import (
    DestinationConfig,
    EventInvokeConfig,
    EventSourceMapping,
    Filter,
    FilterCriteria,
    OnFailure,
    Permission,
    ScalingConfig,
)
from troposphere.awslambda import Function as LambdaFunction
from troposphere.events import DeadLetterConfig, RetryPolicy, Rule, Target

from config import names
from contract.imports import UPLOAD_PREFIX
from generator.resources import ORDER_EVENTS_DLQ, ORDER_IMPORT_DLQ, ORDER_QUEUE, ORDERS_STREAM

HOUR = 3600
CLAIM_TIMESTAMP = "0"

# What is announced: orders stored and changed. A claim (timestamp 0) is no order, and a removal
# is an order that has expired; neither costs an invocation. Numbers are text in a stream's records.
ORDERS_ONLY = {
    "eventName": ["INSERT", "MODIFY"],
    "dynamodb": {"Keys": {"timestamp": {"N": [{"anything-but": [CLAIM_TIMESTAMP]}]}}},
}


def queue_to_worker(worker: LambdaFunction) -> EventSourceMapping:
    """MaximumConcurrency bounds the worker, and not reserved concurrency: that would not hold back
    the pollers, whose throttled receives count, until good orders end in the dead-letter queue."""
    return EventSourceMapping(
        "OrderQueueToWorker",
        EventSourceArn=ORDER_QUEUE,
        FunctionName=Ref(worker),
        BatchSize=Ref("WorkerBatchSize"),
        MaximumBatchingWindowInSeconds=Ref("WorkerBatchingWindow"),
        ScalingConfig=ScalingConfig(MaximumConcurrency=Ref("WorkerMaximumConcurrency")),
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )


def stream_to_events(events: LambdaFunction) -> EventSourceMapping:
    """Age bounds the retries, six hours: SNS may be down for hours without an event lost, and 18 of
    the stream's 24 hours remain to fetch what the on-failure destination points at. An alarm on the
    stream's age rings in minutes. A number of attempts (-1: none) would bound nothing that matters,
    since how long one lasts depends on how it fails. One invocation at a time per shard keeps an order's events in
    order. A record that cannot be read is put away by the function itself, and holds up nothing;
    halving is for one that breaks the function down, so that it is given up alone.
    """
    return EventSourceMapping(
        "OrdersStreamToEvents",
        EventSourceArn=ORDERS_STREAM,
        FunctionName=Ref(events),
        StartingPosition="TRIM_HORIZON",
        BatchSize=100,
        ParallelizationFactor=1,
        BisectBatchOnFunctionError=True,
        MaximumRecordAgeInSeconds=6 * HOUR,
        MaximumRetryAttempts=-1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig=DestinationConfig(OnFailure=OnFailure(Destination=ORDER_EVENTS_DLQ)),
        FilterCriteria=FilterCriteria(Filters=[Filter(Pattern=json.dumps(ORDERS_ONLY))]),
    )


def files_to_importer(importer: LambdaFunction) -> list[Rule | Permission | EventInvokeConfig]:
    rule = _order_files(importer)
    return [rule, _invoked_by(rule, importer), _patience_with(importer)]


def _order_files(importer: LambdaFunction) -> Rule:
    """Retries what EventBridge does, handing the event over to Lambda, for as long as it can: an attempt
    costs nothing, and an event given up is a file that nobody imports. What becomes of the event from then
    on is Lambda's to retry."""
    return Rule(
        "OrderFilesRule",
        Name=Sub(names.order_files_rule("${Environment}")),
        Description=f"Files uploaded under {UPLOAD_PREFIX} are imported",
        EventPattern={
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": [Ref("UploadBucketName")]}, "object": {"key": [{"prefix": UPLOAD_PREFIX}]}},
        },
        State="ENABLED",
        Targets=[
            Target(
                Id="orders-import",
                Arn=GetAtt(importer, "Arn"),
                RetryPolicy=RetryPolicy(MaximumRetryAttempts=185, MaximumEventAgeInSeconds=24 * HOUR),
                DeadLetterConfig=DeadLetterConfig(Arn=ORDER_IMPORT_DLQ),
            )
        ],
    )


def _invoked_by(rule: Rule, importer: LambdaFunction) -> Permission:
    return Permission(
        f"{rule.title}Permission",
        Action="lambda:InvokeFunction",
        FunctionName=Ref(importer),
        Principal="events.amazonaws.com",
        SourceArn=GetAtt(rule, "Arn"),
    )


def _patience_with(importer: LambdaFunction) -> EventInvokeConfig:
    """For events of the rule and for those by which the importer hands itself the rest of a file. The most
    that Lambda allows: two retries of what failed, six hours of what was throttled or met Lambda's own errors."""
    return EventInvokeConfig(
        "OrdersImportPatience",
        FunctionName=Ref(importer),
        Qualifier="$LATEST",
        MaximumRetryAttempts=2,
        MaximumEventAgeInSeconds=6 * HOUR,
        DestinationConfig=DestinationConfig(OnFailure=OnFailure(Destination=ORDER_IMPORT_DLQ)),
    )
