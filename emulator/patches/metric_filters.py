"""Metric filters of log groups."""

from ministack.services import cloudwatch_logs as logs

from emulator import log_patterns
from emulator.patches.service_metrics import record
from emulator.registry import patch


@patch(upstream="record the metrics of metric filters")
def metric_filters() -> None:
    """Record each transformation of a filter for a log event that matches it, with its dimensions. Upstream stores filters only."""
    append = logs._append_log_events

    def append_and_record(stream, events):
        append(stream, events)
        for (group, _), found in list(logs._metric_filters.items()):
            if any(each is stream for each in logs._log_groups.get(group, {}).get("streams", {}).values()):
                _record(found, [event["message"] for event in events])

    logs._append_log_events = append_and_record


def _record(found: dict, lines: list[str]) -> None:
    match = log_patterns.compiled(found["filterPattern"])
    for document in filter(None, map(match, lines)):
        for each in found["metricTransformations"]:
            dimensions = {
                name: log_patterns.value(document, path.removeprefix("$."))
                for name, path in (each.get("dimensions") or {}).items()
            }
            amount = each["metricValue"]
            if amount.startswith("$."):
                amount = log_patterns.value(document, amount.removeprefix("$."))
            if amount is not None and None not in dimensions.values():  # as on AWS, no metric without its dimensions
                at = {name: str(text) for name, text in dimensions.items()}
                record(each["metricNamespace"], each["metricName"], float(amount), each.get("unit", "None"), at)
