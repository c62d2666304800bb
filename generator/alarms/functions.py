"""Alarms of every function: errors, duration, throttles, and reserved concurrency where there is any."""

from contract.routes import ROUTES
from generator import functions
from generator.alarms.spec import Alarm, Metric, of_path
from generator.functions import Function

NO_CALL = "a function that nobody calls writes no metrics, and fails nobody"


def alarms() -> list[Alarm]:
    return [alarm for function in functions.FUNCTIONS for alarm in of_function(function)]


def of_function(function: Function) -> list[Alarm]:
    found = [errors(function), duration(function), throttles(function)]
    return [*found, concurrency(function)] if function.reserved_concurrency else found


def metric(function: Function, name: str, stat: str) -> Metric:
    return Metric("AWS/Lambda", name, stat, {"FunctionName": f"${{{function.name_parameter}}}"})


def errors(function: Function) -> Alarm:
    return Alarm(
        f"{function.name}-errors",
        of_path(function.path),
        f"More invocations of {function.name} than allowed failed, for ten minutes.",
        f"the saved query errors-by-function, then the log of {function.name}. Was it deployed just now? Roll back.",
        {"errors": metric(function, "Errors", "Sum"), "invocations": metric(function, "Invocations", "Sum")},
        # Errors are counted when an invocation ends, invocations when it begins: a period may have more of the former.
        expression="100 * errors / MAX([errors, invocations])",
        threshold="${ErrorRatePercent}",
        why=NO_CALL,
    )


def duration(function: Function) -> Alarm:
    """A function that answers requests may take as long as the API may; the others a share of their timeout."""
    answers = any(route.function == function.key for route in ROUTES)
    limit = "${LatencyP95Ms}" if answers else function.slow_ms
    said = "the API may" if answers else f"{function.slow_share:.0%} of its timeout of {function.timeout} s"
    return Alarm(
        f"{function.name}-duration",
        of_path(function.path),
        f"One invocation of {function.name} in twenty took longer than {said}, for ten minutes.",
        "on the dashboard, cold starts and the table's throttles; then a slow trace: which call takes the time?",
        {"duration": metric(function, "Duration", "p95")},
        threshold=limit,
        why=NO_CALL,
    )


def throttles(function: Function) -> Alarm:
    return Alarm(
        f"{function.name}-throttles",
        of_path(function.path),
        f"Lambda refused to run {function.name}: no concurrency was left.",
        "the graph of concurrency: is it this function's own load, or did another use up the account's? "
        "Raise the reservation or the account's quota.",
        {"throttles": metric(function, "Throttles", "Sum")},
        periods=1,
        threshold=0,
        why=NO_CALL,
    )


def concurrency(function: Function) -> Alarm:
    """Before it throttles. `ClaimedAccountConcurrency` and the like know no single function."""
    return Alarm(
        f"{function.name}-concurrency",
        of_path(function.path),
        f"{function.name} used more of its reserved concurrency than is safe, for ten minutes; at 100 % requests fail.",
        "whether requests became more or slower; then raise command_reserved_concurrency, or mend what is slow.",
        {"running": metric(function, "ConcurrentExecutions", "Maximum")},
        expression=f"100 * running / ${{{function.reserved_concurrency}}}",
        threshold="${ReservedConcurrencyPercent}",
        why="a function that does not run uses no concurrency",
        condition=function.reserves_condition,
    )
