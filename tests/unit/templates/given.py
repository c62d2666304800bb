"""The monitoring stack as an environment has it: what the other stacks hand to it, resolved."""

from generator.functions import DEAD_LETTER_QUEUES, FUNCTIONS, QUEUES
from tests.unit.templates.support import existing, root_parameters

FROM_SIBLINGS = {
    **{"ApiName": "food-delivery-dev", "StageName": "dev", "OrdersTableName": "orders"},
    "OrderEventsTopicName": "OrderEvents",
    **{function.name_parameter: function.name for function in FUNCTIONS},
    **{f"{queue.prefix}Name": queue.title for queue in (*QUEUES, *DEAD_LETTER_QUEUES)},
}
PREFIX = "food-delivery-{}-"


def parameters(environment: str, **changes: str) -> dict[str, str]:
    return {**root_parameters(environment), **FROM_SIBLINGS, **changes}


def alarms_of(monitoring: dict, environment: str, **changes: str) -> dict[str, dict]:
    """Name without its prefix -> properties, composite alarms included; rules refer to their `LogicalId`."""
    found = {}
    for title, each in existing(monitoring, parameters(environment, **changes)).items():
        if each["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"):
            name = each["Properties"]["AlarmName"]
            assert name.startswith(PREFIX.format(environment))
            found[name.removeprefix(PREFIX.format(environment))] = {**each["Properties"], "LogicalId": title}
    return found


def metrics_of(alarm: dict) -> list[dict]:
    """Every metric that an alarm watches: Namespace, MetricName, Dimensions (as a dict), Stat, Period."""
    if "AlarmRule" in alarm:
        return []
    if "Metrics" not in alarm:
        stat = alarm.get("Statistic") or alarm["ExtendedStatistic"]
        return [_metric(alarm, stat, alarm["Period"])]
    stats = [query["MetricStat"] for query in alarm["Metrics"] if "MetricStat" in query]
    return [_metric(each["Metric"], each["Stat"], each["Period"]) for each in stats]


def expression_of(alarm: dict) -> str:
    (result,) = (query for query in alarm["Metrics"] if query["ReturnData"] is True)
    return result["Expression"]


def _metric(metric: dict, stat: str, period: int) -> dict:
    dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
    return {
        **{"Namespace": metric["Namespace"], "MetricName": metric["MetricName"], "Dimensions": dimensions},
        **{"Stat": stat, "Period": period},
    }
