"""Alarms of imported files, and of more orders than the platform expects."""

from troposphere import Ref

from generator.alarms.spec import IMPORT, Alarm, Metric, of_path, own
from generator.functions import BY_KEY
from generator.notices import Ticket

HOUR = 3600


def alarms() -> list[Alarm]:
    return [import_failures(), import_success_rate(), orders_per_hour()]


def of_importer(name: str, stat: str) -> Metric:
    return own(name, stat, service=BY_KEY["orders_import"].name)


def import_failures() -> Alarm:
    return Alarm(
        "import-failures",
        of_path(IMPORT),
        "The import of a file failed. Lambda retries it twice before its event goes to OrderImportDLQ.",
        "read the log of orders-import, then the file's report, under reports/ in its bucket.",
        of_importer("ProcessingFailures", "Sum"),
        # Long enough for the retries, one and two minutes apart: one failing file notifies once.
        period=300,
        periods=1,
        threshold=0,
        why="without files nothing fails; OrderImportDLQ has its own alarm",
    )


def import_success_rate() -> Alarm:
    return Alarm(
        "import-success-rate",
        of_path(IMPORT),
        "More records of a file than allowed were refused.",
        "read the file's report, under reports/ in its bucket, for the reasons; the files that it names have the records.",
        # The worst file: an average would hide it among good ones.
        of_importer("SuccessRate", "Minimum"),
        periods=1,
        below=True,
        threshold=Ref("ImportSuccessPercent"),
        why="written once per file: without files no record is refused",
    )


def orders_per_hour() -> Alarm:
    """A warning that belongs to no path: the orders beyond the limit are stored, none is refused."""
    return Alarm(
        "orders-per-hour",
        Ticket("no request is refused"),
        "More orders were stored within an hour than maxOrdersPerHour in api-config. None was refused.",
        "find on the dashboard which path the orders come from: more business, an import, or a client that "
        "retries? If the load will last, raise maxOrdersPerHour in Parameter Store, and check limits, quotas and cost.",
        own("HourlyLimitUsed", "Sum"),
        period=HOUR,
        periods=1,
        threshold=Ref("OrdersPerHourPercent"),
        why="without orders no limit is exceeded",
    )
