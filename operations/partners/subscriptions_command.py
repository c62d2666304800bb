"""`--partner-subscribe`, `--partner-unsubscribe`, `--partner-subscriptions`: who gets which events of orders."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contract.partners import NAME_PATTERN, RESERVED_NAMES
from deployer import connection
from deployer.aws import advice, service_errors
from deployer.aws.session import Aws
from deployer.commands import side_effects
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import outputs
from operations.destroy.consent import confirm_by_question
from operations.partners import endpoints, keys, records, subscriptions, subscriptions_view
from operations.partners.endpoints import Endpoint, EndpointError
from operations.partners.subscriptions import Subscription


@dataclass(frozen=True)
class Topic:
    """The environment's topic. `dead_letters`: ARN of the queue of undelivered events; `own_queues`: names."""

    arn: str
    dead_letters: str
    own_queues: frozenset[str]


def show(options: Options, ui: Ui, root: Path) -> dict:
    """List the topic's subscriptions: all, or a partner's and those that are pending, whose partner SNS does not say."""
    partner = _name(options.partner) if options.partner else None
    aws, topic = _topic(options, ui, root)
    found = _read(aws, ui, topic)
    if partner:
        found = [each for each in found if each.partner == partner or (each.pending and not each.attributes)]
    subscriptions_view.show(ui, found, topic.dead_letters)
    return {
        "result": "listed",
        "topic": topic.arn,
        "subscriptions": [subscriptions_view.as_json(each, topic.dead_letters) for each in found],
    }


def subscribe(options: Options, ui: Ui, root: Path) -> dict:
    """Subscribe a partner's endpoint to its own events, or correct the subscription that it has."""
    partner = _name(options.partner)
    aws, topic = _topic(options, ui, root)
    endpoint = _endpoint(options, aws, topic)
    attributes = subscriptions.wanted(partner, endpoint.protocol, topic.dead_letters)
    existing = subscriptions.find(_read(aws, ui, topic), endpoint)
    if existing and not existing.pending:
        return _keep(options, ui, aws, topic, existing, partner, attributes)
    _warn_if_unknown(aws, ui, options)
    with side_effects.reported(aws):
        confirm_by_question(
            f"Send the events of {partner}'s orders{_place(aws, options)} to {endpoint.shown}?", options
        )
        made = _create(aws, topic, endpoint, attributes)
        _record(aws, options, "subscribe", made)
    ui.line(f"{ui.ok} Subscribed {partner} {endpoint.shown}")
    return _report(ui, topic, made, "requested" if made.pending else "subscribed")


def unsubscribe(options: Options, ui: Ui, root: Path) -> dict:
    """End a partner's subscription, named by its endpoint or its own ARN. Without one, there is nothing to do."""
    partner = _name(options.partner)
    aws, topic = _topic(options, ui, root)
    found = _read(aws, ui, topic)
    named = options.endpoint
    each = next((each for each in found if named in (each.arn, each.endpoint)), None)
    shown = endpoints.without_query(named)
    if each is None:
        ui.line(f"{shown} is not subscribed.")
        return {"result": "unchanged", "topic": topic.arn}
    if each.arn == subscriptions.PENDING:
        raise Failure(
            Exit.REFUSED,
            f"{shown} has not confirmed its subscription, and SNS deletes no pending one",
            subscriptions_view.EXPIRY,
        )
    if each.partner != partner:
        raise _not_of(each, partner, "nothing was changed")
    with side_effects.reported(aws):
        confirm_by_question(
            f"Stop sending the events of {partner}'s orders{_place(aws, options)} to {each.shown_endpoint}?", options
        )
        subscriptions.delete(aws, each)
        _record(aws, options, "unsubscribe", each)
    ui.line(f"{ui.ok} Ended      {partner} {shown}")
    return {"result": "unsubscribed", "topic": topic.arn, "subscriptionArn": each.arn}


def _name(partner: str) -> str:
    if not re.fullmatch(NAME_PATTERN, partner) or partner in RESERVED_NAMES:
        raise Failure(
            Exit.USAGE,
            f"{partner!r} is no name of a partner",
            "1 to 32 lower-case letters, digits and hyphens, beginning with a letter",
        )
    return partner


def _topic(options: Options, ui: Ui, root: Path) -> tuple[Aws, Topic]:
    aws, stack = connection.deployed(ui, options, root)
    known = outputs.needed(aws, stack, options, ["OrderEventsTopicArn", "OrderEventsDeliveryDlqUrl"])
    urls = {name: url for name, url in known.items() if name.endswith("QueueUrl") or name.endswith("DlqUrl")}
    arn, dead_letters = known["OrderEventsTopicArn"], _queue_name(urls["OrderEventsDeliveryDlqUrl"])
    where = arn.rpartition(":")[0].replace(":sns:", ":sqs:")
    return aws, Topic(arn, f"{where}:{dead_letters}", frozenset(map(_queue_name, urls.values())))


def _place(aws: Aws, options: Options) -> str:
    return f" in {options.env}{aws.elsewhere}"


def _queue_name(url: str) -> str:
    return url.rpartition("/")[2]


def _endpoint(options: Options, aws: Aws, topic: Topic) -> Endpoint:
    try:
        return endpoints.parse(options.endpoint, topic.arn, topic.own_queues, local=aws.on_this_machine)
    except EndpointError as error:
        raise Failure(Exit.USAGE, f"{error}; nothing was subscribed") from None


def _read(aws: Aws, ui: Ui, topic: Topic) -> list[Subscription]:
    with ui.step("Topic") as step:
        found = subscriptions.read_all(aws, topic.arn)
        step.result = f"{topic.arn.rpartition(':')[2]} has {len(found)} subscription{'s' * (len(found) != 1)}"
    return found


def _create(aws: Aws, topic: Topic, endpoint: Endpoint, attributes: Mapping[str, str]) -> Subscription:
    sns = aws.client("sns")
    try:
        made = subscriptions.create(aws, topic.arn, endpoint, attributes)
    except sns.exceptions.InvalidParameterException as error:
        if "different attributes" not in str(error):
            said = service_errors.message_of(error).replace(endpoint.value, endpoint.shown)
            raise Failure(Exit.FAILED, f"SNS refuses the endpoint: {said}", "nothing was subscribed") from None
        raise Failure(
            Exit.REFUSED,
            f"{endpoint.shown} has a subscription with other attributes, perhaps of another partner, that it has not "
            "confirmed",
            f"{subscriptions_view.EXPIRY}; then run this command again",
        ) from None
    except (sns.exceptions.SubscriptionLimitExceededException, sns.exceptions.FilterPolicyLimitExceededException) as e:
        raise Failure(
            Exit.FAILED,
            f"the account is at a quota of SNS: {service_errors.message_of(e)}",
            "ask for more in Service Quotas, or end subscriptions that nobody needs (--partner-unsubscribe)",
        ) from e
    if made.attributes and made.differences(attributes):
        raise Failure(
            Exit.FAILED,
            f"SNS has subscribed {endpoint.shown} with other values of {', '.join(made.differences(attributes))}",
            "run this command again, which corrects them once the subscription is confirmed",
        )
    return made


def _keep(
    options: Options,
    ui: Ui,
    aws: Aws,
    topic: Topic,
    existing: Subscription,
    partner: str,
    attributes: Mapping[str, str],
) -> dict:
    """Leave a subscription of this partner as it is, or correct it after confirmation."""
    if existing.partner != partner:
        raise _not_of(existing, partner, "nothing was changed")
    wrong = existing.differences(attributes)
    if not wrong:
        ui.line(f"{ui.ok} Unchanged  {partner} has this subscription already")
        return _report(ui, topic, existing, "unchanged")
    ui.line(f"{existing.shown_endpoint} has other values of: {', '.join(wrong)}")
    with side_effects.reported(aws):
        confirm_by_question(f"Correct them{_place(aws, options)}?", options)
        subscriptions.correct(aws, existing, wrong)
        _record(aws, options, "correct", existing)
    corrected = Subscription(**{**vars(existing), "attributes": {**existing.attributes, **wrong}})
    ui.line(f"{ui.ok} Corrected  {', '.join(wrong)}; SNS applies a filter policy within 15 minutes")
    return _report(ui, topic, corrected, "corrected")


def _warn_if_unknown(aws: Aws, ui: Ui, options: Options) -> None:
    """A misspelt name would be subscribed to events that never come."""
    known = advice.ask(
        aws,
        "whether the partner has an API key is not known",
        lambda: {key.partner for key in keys.of_environment(aws, options.env)},
        {options.partner},
    )
    if options.partner not in known:
        ui.warn(f"partner {options.partner} has no API key in {options.env}: check the name (--partners lists all)")


def _record(aws: Aws, options: Options, action: str, each: Subscription) -> None:
    def write() -> None:
        who = aws.client("sts").get_caller_identity()["Arn"]
        records.write(aws, who, options.env, action, options.partner, "", each.arn.rpartition(":")[2])

    advice.ask(aws, "this change is not in the list of --partners: its record could not be written", write, None)


def _not_of(each: Subscription, partner: str, outcome: str) -> Failure:
    owner = f"is {each.partner}'s" if each.partner else "is the operator's: it is not filtered by one partner"
    return Failure(
        Exit.REFUSED,
        f"the subscription of {each.shown_endpoint} {owner}, not {partner}'s; {outcome}",
        "an endpoint has one subscription of the topic: each partner needs an endpoint of its own",
    )


def _report(ui: Ui, topic: Topic, each: Subscription, result: str) -> dict:
    subscriptions_view.show(ui, [each], topic.dead_letters)
    return {"result": result, "topic": topic.arn, "subscription": subscriptions_view.as_json(each, topic.dead_letters)}
