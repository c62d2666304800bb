"""Requests that API Gateway refuses for their key or its limits, counted from the access log by metric filters.

No function sees these requests, and CloudWatch has them only as 4XXError, among every other mistake of a client. A filter
writes a metric only when a line matches, so a quiet month costs nothing. The stage is the only dimension: which key it
was, a saved query says.
"""

from typing import NamedTuple

from troposphere import Ref
from troposphere.logs import Dimension, LogGroup, MetricFilter, MetricTransformation

from contract.metrics import BY_ENVIRONMENT, NAMESPACE

STAGE = "stage"  # the access log's field with the environment's name


class Refusal(NamedTuple):
    """A metric, and the condition on a line of the access log under which it counts."""

    metric: str
    condition: str


# No key, one that does not exist or was revoked, or one without a usage plan of this API; and a key that the function
# refuses. Unknown paths and what the firewall refuses are 403 as well, and have other types.
KEY_REFUSED = Refusal("KeyRefused", '($.errorType = "INVALID_API_KEY" || ($.status = "403" && $.errorType = "-"))')
QUOTA_EXCEEDED = Refusal("QuotaExceeded", '$.errorType = "QUOTA_EXCEEDED"')
THROTTLED = Refusal("RequestThrottled", '$.errorType = "THROTTLED"')

REFUSALS = (KEY_REFUSED, QUOTA_EXCEEDED, THROTTLED)


def filters(access: LogGroup) -> list[MetricFilter]:
    return [_filter(access, each) for each in REFUSALS]


def _filter(access: LogGroup, refusal: Refusal) -> MetricFilter:
    (environment,) = BY_ENVIRONMENT
    return MetricFilter(
        f"{refusal.metric}Filter",
        LogGroupName=Ref(access),
        FilterPattern=f'{{ $.{STAGE} = "*" && {refusal.condition} }}',
        MetricTransformations=[
            MetricTransformation(
                MetricNamespace=NAMESPACE,
                MetricName=refusal.metric,
                MetricValue="1",
                Unit="Count",
                Dimensions=[Dimension(Key=environment, Value=f"$.{STAGE}")],
            )
        ],
    )
