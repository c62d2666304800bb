"""Asynchronous invocations of functions, by callers and by EventBridge rules."""

import json
import logging
import time
import zlib
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime

from ministack.core.concurrency import spawn_background
from ministack.core.responses import new_uuid
from ministack.services import eventbridge, lambda_svc, sqs
from ministack.services.cloudformation import provisioners

from emulator.patches.iam import role_may, service_may_invoke
from emulator.patches.lambda_versions import base_of, qualifier_of
from emulator.registry import patch
from emulator.resources import invalid_request, validates

log = logging.getLogger("lambda")
DEFAULT_RETRIES = 2
DEFAULT_AGE_SECONDS = 6 * 3600
ERROR_MESSAGE_LIMIT = 1024  # characters of a dead letter's ErrorMessage
log = logging.getLogger("eventbridge")
EVENTS = "events.amazonaws.com"


@patch(upstream="retry and dead-letter asynchronous invocations as Lambda documents it")
def asynchronous_invocations() -> None:
    """Keep the request id across attempts, retry a throttled call until the event is too old, send the
    documented record to an on-failure destination and the event itself to a dead-letter queue, each only if
    the function's role allows it.

    The first retry waits ``LAMBDA_ASYNC_RETRY_BASE_SECONDS`` (1; AWS takes a minute), each further one twice
    as long, up to ``LAMBDA_ASYNC_RETRY_MAX_SECONDS`` (30). Stopping the emulator loses what waits."""
    pinned: ContextVar[str] = ContextVar("pinned_request_id", default="")
    dispatch = lambda_svc._execute_function_dispatch

    def dispatch_pinned(func, config, event, request_id, started):
        return dispatch(func, config, event, pinned.get() or request_id, started)

    def invoke_later(func, event):
        config = func.get("config") or func

        def run():
            request_id = new_uuid()
            pinned.set(request_id)
            settings = invoke_config(config)
            tries, condition, result = attempts(
                lambda: lambda_svc._execute_function(at_present(func, config), event),
                int(settings.get("MaximumRetryAttempts", DEFAULT_RETRIES)),
                int(settings.get("MaximumEventAgeInSeconds", DEFAULT_AGE_SECONDS)),
            )
            if not condition:
                return
            if destination := on_failure(settings):
                record = failure_record(config, request_id, condition, tries, event, result)
                send_failed(destination, config, event, result, json.dumps(record), {})
            if dead_letters := (config.get("DeadLetterConfig") or {}).get("TargetArn"):
                send_failed(
                    dead_letters, config, event, result, json.dumps(event), dead_letter_attributes(request_id, result)
                )

        spawn_background(lambda_svc._run_with_function_config_scope, func, run, thread_name="asynchronous")

    lambda_svc._execute_function_dispatch = dispatch_pinned
    lambda_svc.invoke_async_with_retry = invoke_later


@validates("AWS::Lambda::EventInvokeConfig", upstream="refuse a destination that the function's role may not send to")
def invoke_config_permissions(props):
    """Applies where IAM is enforced: an EventInvokeConfig made before the role's policy fails its stack."""
    func, *_ = provisioners._lambda_function_for_cfn_ref(props.get("FunctionName", ""))
    destination = on_failure(props)
    to_queue = func and ":sqs:" in destination
    if to_queue and not role_may(func["config"]["Role"], "sqs:SendMessage", destination):
        reason = f"The function's execution role does not have permissions to call SendMessage on {destination}"
        raise invalid_request(reason, "Lambda")


@patch(upstream="count the depth of recursive calls by the Lineage of the trace header")
def recursive_calls() -> None:
    """Stop functions that call themselves after 16 calls in a chain. Upstream counts by a header that only
    its own workers send; boto3 passes on the trace header."""
    trace_id, depth = lambda_svc._xray_trace_id_for_invocation, lambda_svc._inbound_invoke_depth

    def trace_with_lineage(config, inbound=None):
        unsampled = trace_id({"TracingConfig": {"Mode": "Active"}}).replace("Sampled=1", "Sampled=0")
        trace = trace_id(config, inbound) or unsampled
        function = zlib.crc32(str(config.get("FunctionArn")).encode())
        return f"{trace};Lineage=1:{function:08x}:{lambda_svc._invoke_depth.get()}"

    def depth_of_lineage(headers):
        _, _, lineage = headers.get("x-amzn-trace-id", "").partition("Lineage=")
        count = lineage.partition(";")[0].rpartition(":")[2]
        return int(count) if count.isdecimal() else depth(headers)

    lambda_svc._xray_trace_id_for_invocation = trace_with_lineage
    lambda_svc._inbound_invoke_depth = depth_of_lineage


def invoke_config(config: dict) -> dict:
    """Return the EventInvokeConfig of a function as it was invoked, {} if it has none."""
    func, qualifier = base_of(config), qualifier_of(config)
    unqualified = func.get("event_invoke_config") if qualifier == "$LATEST" else None
    return unqualified or (func.get("event_invoke_configs") or {}).get(qualifier) or {}


def on_failure(settings: dict) -> str:
    """Return the on-failure destination of an EventInvokeConfig, "" if it has none."""
    return (settings.get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination", "")


def at_present(func: dict, config: dict) -> dict:
    """Return the invoked function with its present code and concurrency."""
    live, live_config, _ = lambda_svc._get_func_record_for_ref(config["FunctionArn"])
    if not live:
        return func
    return lambda_svc._execution_record_for_config(live, {**live_config, "FunctionArn": config["FunctionArn"]})


def attempts(execute, retries: int, age: float) -> tuple[int, str, dict]:
    """Execute until success, or until retries or the event's age are exhausted.

    Return the number of failures, the condition that ended the attempts ("" after a success), and the last result.
    """
    failures = throttles = 0
    deadline = time.monotonic() + age
    while (result := execute()).get("error"):
        throttled = bool(result.get("throttle"))
        throttles, failures = throttles + throttled, failures + (not throttled)
        if failures > retries:
            return failures, "RetriesExhausted", result
        wait = wait_after(throttles if throttled else failures)
        if time.monotonic() + wait > deadline:
            return failures, "EventAgeExceeded", result
        time.sleep(wait)
    return failures, "", result


def wait_after(failures: int) -> float:
    seconds = lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS * 2 ** (min(failures, 30) - 1)
    return min(seconds, lambda_svc._LAMBDA_ASYNC_RETRY_MAX_SECONDS)


def failure_record(config: dict, request_id: str, condition: str, tries: int, event: object, result: dict) -> dict:
    """Return the record for an on-failure destination, without a response if the function never ran."""
    arn, version = config["FunctionArn"], config.get("Version", "$LATEST")
    record = {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": request_id,
            "functionArn": arn if arn.count(":") > 6 else f"{arn}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": tries,
        },
        "requestPayload": event,
    }
    if tries:
        error = result.get("function_error") or "Unhandled"
        record["responseContext"] = {"statusCode": 200, "executedVersion": version, "functionError": error}
        record["responsePayload"] = result.get("body")
    return record


def dead_letter_attributes(request_id: str, result: dict) -> dict[str, object]:
    """Return the attributes of a dead letter."""
    body = result.get("body")
    message = body.get("errorMessage") or body.get("message") if isinstance(body, dict) else body
    return {
        "RequestID": request_id,
        "ErrorCode": 429 if result.get("throttle") else 200,
        "ErrorMessage": str(message)[:ERROR_MESSAGE_LIMIT],
    }


def send_failed(target: str, config: dict, event: object, result: dict, body: str, attributes: dict) -> None:
    """Send a failed event to a queue, as the function's role. Upstream serves other targets."""
    name = config["FunctionName"]
    if ":sqs:" not in target:
        lambda_svc._route_async_failure(target, name, event, result)
    elif not role_may(config["Role"], "sqs:SendMessage", target):
        log.warning("Lambda %s: its role cannot send the failed event to %s; the event is lost", name, target)
    else:
        try:
            send(target, body, attributes)
        except Exception:
            log.exception("Lambda %s: the failed event could not be sent to %s; it is lost", name, target)


@patch(upstream="invoke a rule's function asynchronously, with Lambda's retries and destinations")
def rules_invoke_asynchronously() -> None:
    def dispatch(arn, payload):
        func, config, name = lambda_svc._get_func_record_for_ref(arn)
        if func:
            lambda_svc.invoke_async_with_retry(
                lambda_svc._execution_record_for_config(func, config), json.loads(payload)
            )
        else:
            log.warning("EventBridge: there is no function %s", name)

    eventbridge._dispatch_to_lambda = dispatch


@patch(upstream="check a rule's right to invoke its function; send what fails to the target's dead-letter queue")
def undeliverable_events() -> None:
    """Applies to a function that is gone, and where IAM is enforced to one that does not permit the rule."""
    invoke = eventbridge._invoke_target

    def invoke_if_possible(target, event, rule, view=None):
        error = delivery_error(target.get("Arn", ""), rule["Arn"])
        if not error:
            return invoke(target, event, rule, view)
        log.warning("EventBridge: %s cannot invoke %s: %s", rule["Arn"], target["Arn"], error[1])
        view = view or eventbridge._pattern_event_view(event)
        return dead_letter(target, rule["Arn"], json.dumps(view.event_with_detail()), *error)

    eventbridge._invoke_target = invoke_if_possible


def delivery_error(target: str, rule: str) -> tuple[str, str] | None:
    """Return EventBridge's error code and message if a rule cannot invoke its target, a function."""
    if ":lambda:" not in target:
        return None
    if not lambda_svc._get_func_record_for_ref(target)[0]:
        return "NO_RESOURCE", f"Function not found: {target}"
    if not service_may_invoke(base_of({"FunctionArn": target})["policy"], EVENTS, rule, target):
        return "NO_PERMISSIONS", f"The function's policy does not let {rule} invoke it"
    return None


def dead_letter(target: dict, rule: str, event: str, code: str, message: str) -> None:
    """Send an undeliverable event to the target's dead-letter queue, if it has one."""
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue:
        return
    if not sqs.queue_policy_allows(queue, EVENTS, rule, rule.split(":")[4]):
        log.warning("EventBridge: the policy of %s does not admit %s; the event is lost", queue, rule)
        return
    attributes = {"RULE_ARN": rule, "TARGET_ARN": target["Arn"], "ERROR_CODE": code, "ERROR_MESSAGE": message}
    try:
        send(queue, event, {**attributes, "RETRY_ATTEMPTS": 0})
    except Exception:
        log.exception("EventBridge: the event could not be sent to %s; it is lost", queue)


def send(queue: str, body: str, attributes: Mapping[str, object]) -> None:
    """Send to a queue, by its ARN. Raise what MiniStack's SQS raises if the queue is gone or refuses."""
    sqs._act_send_message(
        {
            "QueueUrl": sqs._queue_url(queue.rsplit(":", 1)[-1]),
            "MessageBody": body,
            "MessageAttributes": {
                name: {"DataType": "Number" if isinstance(value, int) else "String", "StringValue": str(value)}
                for name, value in attributes.items()
            },
        },
        "",
    )
