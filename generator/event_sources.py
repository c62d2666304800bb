"""What invokes functions besides the API, as resources: event source mappings, EventBridge rules, permissions."""

import json

from awacs import dynamodb, sqs
from awacs.aws import Statement
from troposphere import AWSObject, Ref, Sub, awslambda, events

from generator.functions import Function, mapping_title
from generator.policies import allow
from generator.resources import ANYTHING
from generator.triggers import QueueTrigger, RuleTrigger, StreamTrigger

HOUR = 3600


def resources(function: Function, live: awslambda.Alias) -> list[AWSObject]:
    match function.trigger:
        case QueueTrigger() as trigger:
            return [_from_queue(function, trigger, live)]
        case StreamTrigger() as trigger:
            return [_from_stream(function, trigger, live)]
        case RuleTrigger() as trigger:
            ready = [_permission(trigger, live), _invoke_config(function, trigger, live)]
            return [_rule(function, trigger, live, ready), *ready]
        case None:
            return []


def rights(function: Function) -> list[Statement]:
    """What Lambda needs to read the event source: it does so with the function's rights."""
    match function.trigger:
        case QueueTrigger(queue):
            receive = (sqs.ReceiveMessage, sqs.DeleteMessage, sqs.GetQueueAttributes)
            return [allow(f"ReceiveFrom{queue.title}", receive, queue.arn)]
        case StreamTrigger(_, stream):
            read = (dynamodb.DescribeStream, dynamodb.GetRecords, dynamodb.GetShardIterator)
            # Lambda demands ListStreams, and IAM cannot limit it to a resource.
            return [allow("ReadStream", read, stream), allow("FindStream", (dynamodb.ListStreams,), ANYTHING)]
        case _:
            return []


def _from_queue(function: Function, trigger: QueueTrigger, live: awslambda.Alias) -> awslambda.EventSourceMapping:
    return awslambda.EventSourceMapping(
        mapping_title(function, trigger),
        EventSourceArn=trigger.queue.arn,
        FunctionName=Ref(live),
        BatchSize=trigger.batch_size,
        MaximumBatchingWindowInSeconds=trigger.batching_window,
        ScalingConfig=awslambda.ScalingConfig(MaximumConcurrency=trigger.max_concurrency),
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )


def _from_stream(function: Function, trigger: StreamTrigger, live: awslambda.Alias) -> awslambda.EventSourceMapping:
    """Limits retries by age, six hours: an outage of hours loses no record, and 18 of the stream's 24 hours remain to
    fetch the records that the on-failure destination names. The alarm on the stream's age notifies within minutes. A
    number of attempts (-1: no limit) would not bound the time, which depends on how an attempt fails. One invocation
    at a time per shard keeps the changes of an order in sequence. The function itself sends a record that it cannot
    read to the dead-letter queue; Lambda halves a batch that crashes the function until only the cause is left.
    """
    return awslambda.EventSourceMapping(
        mapping_title(function, trigger),
        EventSourceArn=trigger.stream,
        FunctionName=Ref(live),
        StartingPosition="TRIM_HORIZON",
        BatchSize=100,
        ParallelizationFactor=1,
        BisectBatchOnFunctionError=True,
        MaximumRecordAgeInSeconds=6 * HOUR,
        MaximumRetryAttempts=-1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig=_on_failure(trigger),
        FilterCriteria=awslambda.FilterCriteria(Filters=[awslambda.Filter(Pattern=json.dumps(trigger.pattern))]),
    )


def _rule(function: Function, trigger: RuleTrigger, live: awslambda.Alias, ready: list[AWSObject]) -> events.Rule:
    """Retries delivery to Lambda for as long as EventBridge can: an attempt costs nothing, and a lost event is a file
    that is not imported. After delivery Lambda retries. `ready`: what must exist before, in an update, too: EventBridge
    does not retry an invocation that is not permitted."""
    return events.Rule(
        trigger.title,
        DependsOn=[each.title for each in ready],
        Name=Sub(trigger.name),
        Description=trigger.description,
        EventPattern=trigger.pattern,
        State="ENABLED",
        Targets=[
            events.Target(
                Id=function.name,
                Arn=Ref(live),
                RetryPolicy=events.RetryPolicy(MaximumRetryAttempts=185, MaximumEventAgeInSeconds=24 * HOUR),
                DeadLetterConfig=events.DeadLetterConfig(Arn=trigger.dead_letters.arn),
            )
        ],
    )


def _permission(trigger: RuleTrigger, live: awslambda.Alias) -> awslambda.Permission:
    """Names the rule without a reference, as the rule waits for it."""
    return awslambda.Permission(
        f"{trigger.title}Permission",
        Action="lambda:InvokeFunction",
        FunctionName=Ref(live),
        Principal="events.amazonaws.com",
        SourceArn=Sub(f"arn:${{AWS::Partition}}:events:${{AWS::Region}}:${{AWS::AccountId}}:rule/{trigger.name}"),
    )


def _invoke_config(function: Function, trigger: RuleTrigger, live: awslambda.Alias) -> awslambda.EventInvokeConfig:
    """For the rule's events and for self-invocations. The most that Lambda allows: two retries after an error, six
    hours of retries after throttling or an error of Lambda itself."""
    return awslambda.EventInvokeConfig(
        function.invoke_config_title,
        DependsOn=[live.title],  # which this type takes by its name only
        FunctionName=live.FunctionName,
        Qualifier=live.Name,
        MaximumRetryAttempts=2,
        MaximumEventAgeInSeconds=6 * HOUR,
        DestinationConfig=_on_failure(trigger),
    )


def _on_failure(trigger: StreamTrigger | RuleTrigger) -> awslambda.DestinationConfig:
    return awslambda.DestinationConfig(OnFailure=awslambda.OnFailure(Destination=trigger.dead_letters.arn))
