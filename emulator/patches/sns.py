"""SNS: subscriptions, signatures, and what happens to a message that cannot be delivered."""

import asyncio
import contextvars
import hashlib
import json
import os
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import new_uuid
from ministack.services import sns, sqs

from emulator import sns_signatures
from emulator.patches.service_metrics import record
from emulator.registry import patch
from emulator.resources import completes

PENDING = "PendingConfirmation"
COMPARED = ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy")
RETRIES = 3
"""SNS's own number for HTTP; it waits 20 seconds between them."""
RETRY_SECONDS = "EMULATOR_SNS_RETRY_SECONDS"
TIMEOUT = 15

_sending: set[asyncio.Future] = set()
"""Requests for confirmation under way: asyncio keeps no reference to them."""

_receiving: contextvars.ContextVar[dict] = contextvars.ContextVar("subscription")
"""The subscription that a message is about to be delivered to."""


@patch(upstream="refuse a Subscribe with other attributes; hide the ARN of a pending subscription in lists only")
def subscription_attributes() -> None:
    """Upstream answers a second Subscribe with the ARN of the first, whatever attributes either has."""
    subscribe, listed = sns._subscribe, sns._list_subscriptions_by_topic

    def subscribe_strictly(params):
        topic = sns._topic_by_arn_any_scope(sns._normalize_arn(sns._p(params, "TopicArn")))
        found = topic and _existing(topic, sns._p(params, "Protocol"), sns._p(params, "Endpoint"))
        asked = dict(_asked(params))
        if found and any(_parsed(found["attributes"], each) != _parsed(asked, each) for each in asked):
            text = "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
            return sns._error("InvalidParameter", text, 400)
        status, headers, body = subscribe(params)
        made = topic and _existing(topic, sns._p(params, "Protocol"), sns._p(params, "Endpoint"))
        if status != 200 or not made:
            return status, headers, body
        if not made["confirmed"] and found:
            task = asyncio.ensure_future(sns._send_subscription_confirmation(topic["arn"], made))
            _sending.add(task)
            task.add_done_callback(_sending.discard)
        with_arn = made["confirmed"] or sns._p(params, "ReturnSubscriptionArn") == "true"
        arn = made["arn"] if with_arn else "pending confirmation"
        answer = f"<SubscribeResult><SubscriptionArn>{arn}</SubscriptionArn></SubscribeResult>"
        return sns._xml(200, "SubscribeResponse", answer)

    def listed_without(params):
        status, headers, body = listed(params)
        topic = sns._topic_by_arn_any_scope(sns._normalize_arn(sns._p(params, "TopicArn")))
        text = body.decode() if isinstance(body, bytes) else body
        for each in topic["subscriptions"] if status == 200 else ():
            if not each["confirmed"]:
                text = text.replace(f"<SubscriptionArn>{each['arn']}<", f"<SubscriptionArn>{PENDING}<")
        return status, headers, text.encode()

    sns._subscribe, sns._list_subscriptions_by_topic = subscribe_strictly, listed_without


@patch(upstream="sign messages, and serve the certificate at their SigningCertURL")
def signed_messages() -> None:
    """Sign by the topic's SignatureVersion, "1" if it has none."""
    build, matches = sns._build_envelope, sns._matches_filter_policy

    def remember(subscription, *more):
        _receiving.set(subscription)
        return matches(subscription, *more)

    def build_signed(topic_arn, msg_id, message, subject, message_attributes, raw):
        text = build(topic_arn, msg_id, message, subject, message_attributes, raw)
        if raw:
            return text
        arn = urllib.parse.quote(_receiving.get()["arn"])
        unsubscribe = f"{sns_signatures.base_url()}/?Action=Unsubscribe&SubscriptionArn={arn}"
        return json.dumps(_signed(topic_arn, {**json.loads(text), "UnsubscribeURL": unsubscribe}))

    async def confirm(topic_arn, subscription):
        query = urllib.parse.urlencode(
            {"Action": "ConfirmSubscription", "TopicArn": topic_arn, "Token": subscription["token"]}
        )
        message = {
            "Type": "SubscriptionConfirmation",
            "MessageId": new_uuid(),
            "Token": subscription["token"],
            "TopicArn": topic_arn,
            "Message": f"You have chosen to subscribe to the topic {topic_arn}.\nTo confirm the subscription, visit the "
            "SubscribeURL included in this message.",
            "SubscribeURL": f"{sns_signatures.base_url()}/?{query}",
        }
        body = json.dumps(_signed(topic_arn, message))
        await asyncio.to_thread(_post, subscription["endpoint"], body, _headers(json.loads(body)))

    sns._build_envelope, sns._matches_filter_policy, sns._send_subscription_confirmation = (
        build_signed,
        remember,
        confirm,
    )


@patch(upstream="retry deliveries to HTTP endpoints; send what cannot be delivered to the RedrivePolicy's queue")
def undelivered_messages() -> None:
    """A queue that is gone or refuses the topic, and an answer of 4XX, are final; other failures of HTTP are retried."""
    to_queue, matches = sns._deliver_to_sqs, sns._matches_filter_policy

    def remember(subscription, *more):
        _receiving.set(subscription)
        return matches(subscription, *more)

    def deliver_to_queue(endpoint, envelope, raw, raw_message, **options):
        to_queue(endpoint, envelope, raw, raw_message, **options)
        if not _takes(endpoint, options["topic_arn"]):
            _redrive(_receiving.get(), raw_message if raw else envelope, options["message_attributes"] if raw else {})

    def deliver_to_http(endpoint, envelope):
        subscription = _receiving.get()
        scope = contextvars.copy_context()  # the thread that runs the coroutine has another

        async def deliver():
            if not await asyncio.to_thread(_delivered, subscription, envelope):
                scope.run(_redrive, subscription, envelope, {})

        return deliver()

    sns._deliver_to_sqs, sns._deliver_to_http, sns._matches_filter_policy = deliver_to_queue, deliver_to_http, remember


@patch(upstream="give sns:Subscribe the condition keys sns:Protocol and sns:Endpoint")
def iam_subscription_keys() -> None:
    extract, enforce = iam_actions.extract_resource_arn, iam_evaluator.enforce
    given: contextvars.ContextVar[dict] = contextvars.ContextVar("subscription_keys")

    def extract_with_keys(service, method, path, headers, body, query_params, region, account_id):
        form = urllib.parse.parse_qs((body or b"").decode(errors="replace")) if service == "sns" else {}
        given.set({f"sns:{key}": form[key][0] for key in ("Protocol", "Endpoint") if key in form})
        return extract(service, method, path, headers, body, query_params, region, account_id)

    def enforce_with_keys(access_key, action, service, region, resource_arn="*", service_context=None):
        keys = given.get({}) if action == "sns:Subscribe" else {}
        return enforce(access_key, action, service, region, resource_arn, {**(service_context or {}), **keys})

    iam_actions.extract_resource_arn, iam_evaluator.enforce = extract_with_keys, enforce_with_keys


@completes("AWS::SNS::Topic", upstream="apply SignatureVersion of AWS::SNS::Topic")
def topic_signature_version(arn, new, old):
    sns._topics[arn]["attributes"].pop("SignatureVersion", None)
    if new.get("SignatureVersion"):
        sns._topics[arn]["attributes"]["SignatureVersion"] = str(new["SignatureVersion"])


def _existing(topic: dict, protocol: str, endpoint: str) -> dict | None:
    same = (each for each in topic["subscriptions"] if (each["protocol"], each["endpoint"]) == (protocol, endpoint))
    return next(same, None)


def _asked(params):
    index = 1
    while key := sns._p(params, f"Attributes.entry.{index}.key"):
        if key in COMPARED:
            yield key, sns._p(params, f"Attributes.entry.{index}.value")
        index += 1


def _parsed(attributes: dict, name: str):
    value = attributes.get(name) or {"FilterPolicyScope": "MessageAttributes"}.get(name, "")
    try:
        return json.loads(value)
    except ValueError:
        return value


def _signed(topic_arn: str, message: dict) -> dict:
    topic = sns._topic_by_arn_any_scope(topic_arn) or {}
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    version = topic.get("attributes", {}).get("SignatureVersion") or "1"
    return sns_signatures.signed({**message, "Timestamp": now}, version)


def _headers(message: dict, subscription: dict | None = None) -> dict[str, str]:
    return {
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
        "x-amz-sns-message-type": message.get("Type", "Notification"),
        "x-amz-sns-message-id": message.get("MessageId", ""),
        "x-amz-sns-topic-arn": message.get("TopicArn", ""),
        **({"x-amz-sns-subscription-arn": subscription["arn"]} if subscription else {}),
    }


def _post(endpoint: str, body: str, headers: dict[str, str]) -> int:
    """Return the status of the answer; 0 without one."""
    request = urllib.request.Request(endpoint, body.encode(), headers, method="POST")  # noqa: S310  http or https
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=TIMEOUT) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def _delivered(subscription: dict, envelope: str) -> bool:
    raw = subscription["attributes"].get("RawMessageDelivery") == "true"
    headers = _headers({} if raw else json.loads(envelope), subscription)
    for attempt in range(RETRIES + 1):
        if attempt:
            time.sleep(float(os.environ.get(RETRY_SECONDS, "1")))
        status = _post(subscription["endpoint"], envelope, headers)
        delivered = 200 <= status < 300
        _count(subscription, "NumberOfNotificationsDelivered" if delivered else "NumberOfNotificationsFailed")
        if delivered or (400 <= status < 500 and status != 429):
            return delivered
    return False


def _takes(queue: str, topic: str) -> bool:
    found = sqs._queue_by_arn(queue)
    return bool(found and sqs.queue_policy_allows(queue, "sns.amazonaws.com", topic, topic.split(":")[4]))


_redriving = threading.Lock()


def _redrive(subscription: dict, body: str, attributes: dict) -> None:
    policy = subscription["attributes"].get("RedrivePolicy")
    if not policy:
        return
    target = json.loads(policy)["deadLetterTargetArn"]
    if not _takes(target, subscription["topic_arn"]):
        _count(subscription, "NumberOfNotificationsFailedToRedriveToDlq")
        return
    now = time.time()
    message = {
        "id": new_uuid(),
        "body": body,
        "md5": hashlib.md5(body.encode()).hexdigest(),  # noqa: S324  as SQS does
        "message_attributes": dict(attributes),
        "md5_attrs": sqs._md5_msg_attrs(dict(attributes)),
        "receipt_handle": None,
        "sent_at": now,
        "visible_at": now,
        "receive_count": 0,
    }
    sqs._ensure_msg_fields(message)
    with _redriving:
        sqs._queue_by_arn(target)["messages"].append(message)
    _count(subscription, "NumberOfNotificationsRedrivenToDlq")


def _count(subscription: dict, metric: str) -> None:
    record("AWS/SNS", metric, 1, "Count", {"TopicName": subscription["topic_arn"].rpartition(":")[2]})
