"""Alarms of requests that API Gateway refuses for their API key, or for the limits of its usage plan.

None is of the sync path: the platform works, and one partner cannot use it.
"""

from troposphere import Ref

from contract.metrics import NAMESPACE
from generator.alarms.spec import Alarm, Metric
from generator.notices import Ticket
from generator.refusals import KEY_REFUSED, QUOTA_EXCEEDED, THROTTLED, Refusal

HOUR = 3600
WHOSE = "run the saved query requests-by-key; deploy.py --partners says whose an apiKeyId is"


def alarms() -> list[Alarm]:
    return [keys_refused(), quota_exceeded(), requests_throttled()]


def metric(refusal: Refusal) -> Metric:
    return Metric(NAMESPACE, refusal.metric, "Sum", {"Environment": Ref("Environment")})


def keys_refused() -> Alarm:
    return Alarm(
        "keys-refused",
        Ticket("a key has 190 random bits: guessing finds none, but a partner whose key was revoked cannot order"),
        "More than 20 requests within an hour had no valid API key.",
        "ask whose key was revoked last (deploy.py --partners): a client may still send it. If it is nobody's, somebody is "
        "guessing: limit requests by address with waf_rate_limit.",
        metric(KEY_REFUSED),
        period=HOUR,
        periods=1,
        threshold=20,
        why="written only for a refused request",
    )


def quota_exceeded() -> Alarm:
    return Alarm(
        "quota-exceeded",
        Ticket("one partner's orders are refused until midnight UTC; all others are served"),
        "A request was refused because its API key has used its quota of the day.",
        f"{WHOSE}. More business: deploy.py --partner-rotate NAME --tier premium. A client that repeats itself: tell the partner.",
        metric(QUOTA_EXCEEDED),
        periods=1,
        threshold=0,
        why="written only for a refused request",
    )


def requests_throttled() -> Alarm:
    """Clients retry a refused burst: only one that lasts is worth a look."""
    return Alarm(
        "requests-throttled",
        Ticket("clients retry, and a request that is repeated later is served"),
        "More than 50 requests in each five minutes of a quarter of an hour were refused for their rate.",
        f"{WHOSE}. One key: its plan's rate. All keys: the stage's rate_limit and burst_limit.",
        metric(THROTTLED),
        periods=3,
        threshold=50,
        why="written only for a refused request",
    )
