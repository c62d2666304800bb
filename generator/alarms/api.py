"""Alarms of the API as its clients see it: failures and latency."""

from generator.alarms.spec import SYNC, Alarm, Metric, of_path

NO_REQUEST = "without requests there is nothing to fail or to be slow"


def metric(name: str, stat: str) -> Metric:
    return Metric("AWS/ApiGateway", name, stat, {"ApiName": "${ApiName}", "Stage": "${StageName}"})


def alarms() -> list[Alarm]:
    return [
        Alarm(
            "api-errors",
            of_path(SYNC),
            "More requests than allowed were answered 5XX, for ten minutes.",
            "the errors of the access log, then the log of the function they name.",
            # The average of 0 and 1 per request: the fraction that failed.
            {"failed": metric("5XXError", "Average")},
            expression="100 * failed",
            threshold="${ErrorRatePercent}",
            why=NO_REQUEST,
        ),
        Alarm(
            "api-latency",
            of_path(SYNC),
            "One request in twenty took longer than allowed, for ten minutes.",
            "on the dashboard, whether the functions or DynamoDB are slow, and cold starts.",
            {"latency": metric("Latency", "p95")},
            threshold="${LatencyP95Ms}",
            why=NO_REQUEST,
        ),
    ]
