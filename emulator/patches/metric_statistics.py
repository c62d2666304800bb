"""Statistics of metrics: those that upstream lacks, and those that nobody has."""

import re

from emulator.registry import patch

BASIC = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
PERCENTILE = re.compile(r"p(\d{1,2}(\.\d+)?|100(\.0+)?)")
RANK = re.compile(r"PR\((\d*\.?\d*):(\d*\.?\d*)\)")


@patch
def percentile_ranks() -> None:
    """Upstream takes a percentile rank for the average. ``PR(100:500)`` is the percentage of values
    above 100 and up to 500 ("exclusive on the lower bound and inclusive on the upper bound",
    CloudWatch user guide, statistics definitions); either bound may be missing."""
    from ministack.services import cloudwatch

    other = cloudwatch._stat_value

    def value(stats, name, points=None):
        if not (bounds := RANK.fullmatch(name or "")):
            return other(stats, name, points)
        low, high = (float(bound) if bound else None for bound in bounds.groups())
        samples = cloudwatch._percentile_samples(points or []) or []
        total = sum(count for _, count in samples)
        within = sum(
            count for sample, count in samples if (low is None or sample > low) and (high is None or sample <= high)
        )
        return 100 * within / total if total else None

    cloudwatch._stat_value = value


@patch
def unknown_statistics() -> None:
    """Upstream takes every statistic that it does not know for the average. AWS refuses the alarm or
    the question; so does the patch. (Trimmed and winsorized means and their like, which AWS knows and
    the emulator does not, are refused too.)"""
    from ministack.services import cloudwatch
    from ministack.services.cloudformation import provisioners

    put, get, record_of = (
        cloudwatch._put_metric_alarm,
        cloudwatch._get_metric_data,
        provisioners._cw_metric_alarm_record,
    )

    def put_checked(params, body, is_cbor, is_json=False):
        if reason := refused_of_alarm(body or {}):
            return cloudwatch._error("ValidationError", reason, 400, use_json=is_json, use_cbor=is_cbor)
        return put(params, body, is_cbor, is_json)

    def get_checked(params, body, is_cbor, is_json=False):
        if reasons := refused_of_queries("MetricDataQueries", (body or {}).get("MetricDataQueries") or []):
            return cloudwatch._error("ValidationError", "\n".join(reasons), 400, use_json=is_json, use_cbor=is_cbor)
        return get(params, body, is_cbor, is_json)

    def record(name, props):
        if reason := refused_of_alarm(props):
            raise ValueError(reason)
        return record_of(name, props)

    cloudwatch._put_metric_alarm = put_checked
    cloudwatch._get_metric_data = get_checked
    provisioners._cw_metric_alarm_record = record


def refused_of_alarm(alarm: dict) -> str:
    """Why an alarm's statistics are refused; "" if they are not."""
    basic, extended = alarm.get("Statistic") or BASIC[0], alarm.get("ExtendedStatistic")
    if basic not in BASIC:
        return (
            f"1 validation error detected: Value '{basic}' at 'statistic' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(BASIC)}]"
        )
    if extended and not (PERCENTILE.fullmatch(extended) or is_rank(extended)):
        return f"The value {extended} for parameter ExtendedStatistic is not supported."
    return "\n".join(refused_of_queries("Metrics", alarm.get("Metrics") or []))


def refused_of_queries(parameter: str, queries: list[dict]) -> list[str]:
    return [
        f"The value for parameter {parameter}.member.{place}.MetricStat.Stat is not a valid statistic."
        for place, query in enumerate(queries, 1)
        if "MetricStat" in query and not known(query["MetricStat"].get("Stat") or "")
    ]


def known(statistic: str) -> bool:
    return statistic in BASIC or bool(PERCENTILE.fullmatch(statistic)) or is_rank(statistic)


def is_rank(statistic: str) -> bool:
    bounds = RANK.fullmatch(statistic)
    return bool(bounds) and any(bounds.groups()) and "." not in bounds.groups()
