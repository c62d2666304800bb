"""What invokes functions by itself: the queue feeds the worker, the table's stream the announcer."""

import json

from troposphere import Ref
from troposphere.awslambda import (
    DestinationConfig,
    EventSourceMapping,
    Filter,
    FilterCriteria,
    OnFailure,
    ScalingConfig,
)
from troposphere.awslambda import Function as LambdaFunction

from generator.resources import ORDER_EVENTS_DLQ, ORDER_QUEUE, ORDERS_STREAM

LONGEST_BATCHING_WINDOW = 10
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
        MaximumRecordAgeInSeconds=6 * 3600,
        MaximumRetryAttempts=-1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig=DestinationConfig(OnFailure=OnFailure(Destination=ORDER_EVENTS_DLQ)),
        FilterCriteria=FilterCriteria(Filters=[Filter(Pattern=json.dumps(ORDERS_ONLY))]),
    )
