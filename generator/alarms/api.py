"""Alarms of the API as its clients see it: failures and latency."""

from troposphere import Ref

from generator.alarms.spec import SYNC, Alarm, Expression, Metric, of_path

NO_REQUEST = "without requests nothing fails or is slow"


def metric(name: str, stat: str) -> Metric:
    return Metric("AWS/ApiGateway", name, stat, {"ApiName": Ref("ApiName"), "Stage": Ref("StageName")})


def alarms() -> list[Alarm]:
    return [
        Alarm(
            "api-errors",
            of_path(SYNC),
            "More requests than allowed were answered 5XX, for ten minutes.",
            "read the errors in the access log, then the log of the function that they name.",
            # The average of 0 and 1 per request: the fraction that failed.
            Expression("100 * {failed}", {"failed": metric("5XXError", "Average")}),
            threshold=Ref("ErrorRatePercent"),
            why=NO_REQUEST,
        ),
        Alarm(
            "api-latency",
            of_path(SYNC),
            "One request in twenty took longer than allowed, for ten minutes.",
            "find on the dashboard whether the functions or DynamoDB are slow, or cold starts frequent.",
            metric("Latency", "p95"),
            threshold=Ref("LatencyP95Ms"),
            why=NO_REQUEST,
        ),
    ]
