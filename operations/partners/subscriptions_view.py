"""The subscriptions of the topic on screen and as JSON, without the queries of URLs."""

import json
from collections.abc import Iterator, Mapping, Sequence

from deployer.show.ui import Ui
from operations.partners.subscriptions import ATTRIBUTE, Subscription, wanted

EXPIRY = "SNS deletes it if it is not confirmed within two days"


def show(ui: Ui, found: Sequence[Subscription], dead_letters: str) -> None:
    if not found:
        ui.line("Nobody is subscribed.")
    for each in found:
        ui.line(f"{whose(each)}  {each.protocol}  {each.shown_endpoint}", "bold")
        for line in _lines(each, dead_letters):
            ui.line(f"  {line}")
        for finding in findings(each, dead_letters):
            ui.warn(finding)


def as_json(each: Subscription, dead_letters: str) -> dict:
    return {
        "partner": each.partner,
        "protocol": each.protocol,
        "endpoint": each.shown_endpoint,
        "subscriptionArn": each.arn if each.arn.startswith("arn:") else None,
        "state": "pending" if each.pending else "confirmed",
        "filterPolicy": each.filter or None,
        "redrivePolicy": each.redrive or None,
        "rawMessageDelivery": each.raw,
        "findings": [*findings(each, dead_letters)],
    }


def whose(each: Subscription) -> str:
    """Name the partner, or the operator, whose subscription it is."""
    if each.partner:
        return each.partner
    return "unknown" if each.pending and not each.attributes else "operator"


def findings(each: Subscription, dead_letters: str) -> Iterator[str]:
    """Yield what is wrong with a subscription, or only the operator may have."""
    if each.pending and not each.attributes:
        return
    if each.partner is None:
        if ATTRIBUTE in each.filter:
            yield "its filter is not for exactly one partner: the events of several may reach this endpoint"
        else:
            yield "no filter on a partner: it gets the events of every order, as only the operator's may"
        return
    for name in each.differences(wanted(each.partner, each.protocol, dead_letters)):
        yield f"{name} differs from what --partner-subscribe sets; that command corrects it"


def _lines(each: Subscription, dead_letters: str) -> Iterator[str]:
    if each.pending:
        yield f"pending: its owner must visit the SubscribeURL that SNS has sent it; {EXPIRY}"
    if not each.attributes:
        yield "SNS shows its filter when it is confirmed"
        return
    yield f"{'' if each.pending else 'confirmed · '}{each.arn}"
    yield f"filter {_text(each.filter)} on {each.attributes.get('FilterPolicyScope') or 'MessageAttributes'}"
    target = each.redrive.get("deadLetterTargetArn", "")
    yield f"undelivered events: {'lost' if not target else target.rpartition(':')[2]}"
    yield f"delivers {'the event itself' if each.raw else 'the event in an envelope, signed'}"


def _text(policy: Mapping) -> str:
    return json.dumps(policy) if policy else "none"
