"""EventBridge rules: how an event reaches a function, and where it goes if it cannot."""

import json
import logging

from emulator import delivery
from emulator.registry import patch

log = logging.getLogger("eventbridge")
EVENTS = "events.amazonaws.com"


@patch
def rules_invoke_asynchronously() -> None:
    """Upstream calls a rule's function once, whatever comes of it. AWS hands the event to
    Lambda's asynchronous invocation: retries, on-failure destination, dead-letter queue."""
    from ministack.services import eventbridge, lambda_svc

    def dispatch(arn, payload):
        func, config, name = lambda_svc._get_func_record_for_ref(arn)
        if func:
            lambda_svc.invoke_async_with_retry(
                lambda_svc._execution_record_for_config(func, config), json.loads(payload)
            )
        else:
            log.warning("EventBridge: there is no function %s", name)

    eventbridge._dispatch_to_lambda = dispatch


@patch
def undeliverable_events() -> None:
    """Upstream loses an event whose function is gone, and where IAM is enforced invokes a
    function that does not permit the rule. AWS retries neither: the event goes to the target's
    dead-letter queue at once, if the queue's policy admits the rule."""
    from ministack.services import eventbridge

    invoke = eventbridge._invoke_target

    def invoke_if_possible(target, event, rule, view=None):
        fault = fault_of(target.get("Arn", ""), rule["Arn"])
        if not fault:
            return invoke(target, event, rule, view)
        log.warning("EventBridge: %s cannot invoke %s: %s", rule["Arn"], target["Arn"], fault[1])
        view = view or eventbridge._pattern_event_view(event)
        return put_aside(target, rule["Arn"], json.dumps(view.event_with_detail()), *fault)

    eventbridge._invoke_target = invoke_if_possible


def fault_of(target: str, rule: str) -> tuple[str, str] | None:
    """Why a rule cannot invoke a target that is a function: EventBridge's error code and text."""
    from ministack.services import lambda_svc

    if ":lambda:" not in target:
        return None
    func, *_ = lambda_svc._get_func_record_for_ref(target)
    if not func:
        return "NO_RESOURCE", f"Function not found: {target}"
    if not delivery.service_may_invoke(func["policy"], EVENTS, rule, target):
        return "NO_PERMISSIONS", f"The function's policy does not let {rule} invoke it"
    return None


def put_aside(target: dict, rule: str, event: str, code: str, message: str) -> None:
    """Send an event that cannot be delivered to the target's dead-letter queue, if it has one."""
    from ministack.services import sqs

    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue:
        return
    if not sqs.queue_policy_allows(queue, EVENTS, rule, rule.split(":")[4]):
        log.warning("EventBridge: the policy of %s does not admit %s; the event is lost", queue, rule)
        return
    attributes = {"RULE_ARN": rule, "TARGET_ARN": target["Arn"], "ERROR_CODE": code, "ERROR_MESSAGE": message}
    try:
        delivery.send(queue, event, {**attributes, "RETRY_ATTEMPTS": 0})
    except Exception:
        log.exception("EventBridge: the event could not be sent to %s; it is lost", queue)
