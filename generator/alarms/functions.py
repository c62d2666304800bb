"""Alarms of every function: errors, duration, throttles, reserved concurrency if any, age of a stream's records."""

from troposphere import Ref

from generator import functions
from generator.alarms.spec import Alarm, Expression, Metric, of_path
from generator.functions import Function
from generator.naming import words
from generator.triggers import StreamTrigger

NO_CALL = "without invocations Lambda writes no metrics, and nothing fails"


def alarms() -> list[Alarm]:
    return [alarm for function in functions.FUNCTIONS for alarm in of_function(function)]


def of_function(function: Function) -> list[Alarm]:
    found = [errors(function), duration(function), throttles(function)]
    if function.reserved_concurrency:
        found.append(concurrency(function, function.reserved_concurrency))
    if isinstance(function.trigger, StreamTrigger):
        found.append(stream_age(function, function.trigger))
    return found


def metric(function: Function, name: str, stat: str) -> Metric:
    return Metric("AWS/Lambda", name, stat, {"FunctionName": Ref(function.name_parameter)})


def errors(function: Function) -> Alarm:
    return Alarm(
        f"{function.name}-errors",
        of_path(function.path),
        f"More invocations of {function.name} than allowed failed, for ten minutes.",
        f"run the saved query errors-by-function, then read the log of {function.name}. If it was just deployed, roll "
        "back.",
        # Lambda writes 0 or 1 for each invocation, at the time of its start (Lambda developer guide, "Types of metrics"):
        # the average is the fraction that failed.
        Expression("100 * {failed}", {"failed": metric(function, "Errors", "Average")}),
        threshold=Ref("ErrorRatePercent"),
        why=NO_CALL,
    )


def duration(function: Function) -> Alarm:
    """A function that answers requests may take as long as the API may; the others a share of their timeout."""
    answers = function.answers_requests
    limit = Ref("LatencyP95Ms") if answers else function.slow_ms
    allowed = "the API may" if answers else f"{function.slow_share:.0%} of its timeout of {function.timeout} s"
    return Alarm(
        f"{function.name}-duration",
        of_path(function.path),
        f"One invocation of {function.name} in twenty took longer than {allowed}, for ten minutes.",
        "check cold starts and the table's throttles on the dashboard; then find the slow call in a trace.",
        metric(function, "Duration", "p95"),
        threshold=limit,
        why=NO_CALL,
    )


def throttles(function: Function) -> Alarm:
    return Alarm(
        f"{function.name}-throttles",
        of_path(function.path),
        f"Lambda throttled {function.name}: no concurrency was left.",
        "find on the dashboard, in concurrent executions, which function uses it up; raise the reservation or the "
        "account's quota.",
        metric(function, "Throttles", "Sum"),
        periods=1,
        threshold=0,
        why=NO_CALL,
    )


def concurrency(function: Function, reserved: str) -> Alarm:
    """Before Lambda throttles it. `ClaimedAccountConcurrency` and the like are per account, not per function."""
    setting = words(reserved, "_")
    return Alarm(
        f"{function.name}-concurrency",
        of_path(function.path),
        f"{function.name} has used more of its reserved concurrency than allowed, for ten minutes. At 100 % requests fail.",
        f"find on the dashboard whether invocations became more or slower; raise {setting}, or fix the slow call.",
        Expression(
            "100 * {running} / {reserved}",
            {
                "running": metric(function, "ConcurrentExecutions", "Maximum"),
                "reserved": Ref(reserved),
            },
        ),
        threshold=Ref("ReservedConcurrencyPercent"),
        why="a function that does not run uses no concurrency",
        condition=function.reserves_condition,
    )


def stream_age(function: Function, trigger: StreamTrigger) -> Alarm:
    return Alarm(
        trigger.alarm,
        of_path(function.path),
        f"Changes of orders have waited for {function.name} for longer than allowed.",
        f"find in the log of {function.name} whether its calls fail, or one record blocks the others.",
        Expression("{age} / 1000", {"age": metric(function, "IteratorAge", "Maximum")}),  # in milliseconds
        period=60,
        periods=5,
        threshold=trigger.age_limit,
        why="Lambda writes the age with each batch: without a batch nothing waits",
    )
