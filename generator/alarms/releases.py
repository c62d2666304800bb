"""Alarms of a new version alone, of which CodeDeploy reads one while it moves requests to that version.

Both dimensions beside the function's name are written only while the alias divides its requests between two versions:
before and after, nothing is missing. The alarms of the paths count both versions, so they are no condition of a
release: CodeDeploy would stop, at its start, the release that ends an incident, and CloudFormation's way back as well.
"""

from troposphere import GetAtt, Ref, Sub

from config import names
from generator import functions
from generator.alarms.spec import Alarm, Expression, Metric, own
from generator.functions import Function
from generator.notices import Stop

GRADUAL = "ShiftsGradually"


def alarms() -> list[Alarm]:
    return [of_function(function) for function in functions.FUNCTIONS if function.answers_requests]


def of_function(function: Function) -> Alarm:
    name, version = function.title + "Function", GetAtt(function.title + "Version", "Version")
    shifting = {"FunctionName": Ref(name), "Resource": Sub(f"${{{name}}}:{names.ALIAS}"), "ExecutedVersion": version}
    return Alarm(
        f"{function.name}{names.RELEASE_ALARM}",
        Stop("it watches the new version of a release, and only while requests move to it"),
        f"More requests than allowed failed in the new version of {function.name}, within a minute.",
        f"read the log of {function.name}. CodeDeploy has moved all requests back; CloudFormation rolls back the rest.",
        # What ends an invocation (a crash, a timeout), and what is answered 500, which Lambda does not count.
        Expression(
            "100 * (FILL({ended}, 0) + FILL({failed}, 0)) / {invoked}",
            {
                "ended": Metric("AWS/Lambda", "Errors", "Sum", shifting),
                "failed": own("RequestFailed", "Sum", service=function.name, version=version),
                "invoked": Metric("AWS/Lambda", "Invocations", "Sum", shifting),
            },
        ),
        period=60,
        periods=1,
        threshold=Ref("ErrorRatePercent"),
        why="without a request the new version cannot fail",
        condition=GRADUAL,
    )
