"""PutMetricAlarm."""

from emulator.registry import patch

SINGLE = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit")


@patch
def metric_math_requests() -> None:
    """Upstream's PutMetricAlarm forgets Metrics, so an alarm on an expression watches nothing
    once it is put again. The patch keeps them."""
    from ministack.services import cloudwatch

    put = cloudwatch._put_metric_alarm

    def put_whole(params, body, is_cbor, is_json=False):
        answer = put(params, body, is_cbor, is_json)
        if answer[0] == 200 and body and body.get("Metrics"):
            alarm = cloudwatch._alarms[body["AlarmName"]]
            # One that is looked at meanwhile has both, never neither.
            alarm["Metrics"] = body["Metrics"]
            for name in SINGLE:
                alarm.pop(name, None)
        return answer

    cloudwatch._put_metric_alarm = put_whole
