"""Alarms of orders themselves: files that fail or are refused, and more orders than the platform expects."""

from contract.metrics import PATHS
from generator.alarms.spec import IMPORT, Alarm, Metric, of_path, own
from generator.functions import BY_KEY

HOUR = 3600


def alarms() -> list[Alarm]:
    return [import_failures(), import_success_rate(), orders_per_hour()]


def of_importer(name: str, stat: str) -> Metric:
    return own(name, stat, service=BY_KEY["orders_import"].name)


def import_failures() -> Alarm:
    return Alarm(
        "import-failures",
        of_path(IMPORT),
        "The import of a file has failed; Lambda tries it twice more before it ends in OrderImportDLQ.",
        "the log of orders-import, then the file's report, under reports/ in its bucket.",
        {"failures": of_importer("ProcessingFailures", "Sum")},
        # Long enough for the retries, one and two minutes apart: one failing file rings once.
        period=300,
        periods=1,
        threshold=0,
        why="no file, no failure; what failed for good waits in OrderImportDLQ, which has an alarm of its own",
    )


def import_success_rate() -> Alarm:
    return Alarm(
        "import-success-rate",
        of_path(IMPORT),
        "More records of a file than usual were refused.",
        "its report, under reports/ in its bucket, says why; the files that it names have the records.",
        # The worst file: an average would hide it among good ones.
        {"rate": of_importer("SuccessRate", "Minimum")},
        periods=1,
        below=True,
        threshold="${ImportSuccessPercent}",
        why="written once per file: between files there is nothing to refuse",
    )


def orders_per_hour() -> Alarm:
    """Against the ceiling that functions write beside each order: maxOrdersPerHour, changed without a deployment.

    Orders were stored beyond it and nobody was refused: it warns, so it belongs to no path.
    """
    stored = {f"stored{place}": own("OrderStored", "Sum", path=path) for place, path in enumerate(PATHS)}
    ceilings = {
        f"ceiling{place}": own("OrdersPerHourCeiling", "Maximum", path=path) for place, path in enumerate(PATHS)
    }
    return Alarm(
        "orders-per-hour",
        None,
        "More orders were stored within an hour than api-config's maxOrdersPerHour says to expect. None was refused.",
        "the dashboard's orders by path: good business, an import, or a client that repeats itself? If it is to "
        "stay, raise maxOrdersPerHour in Parameter Store, and look at limits, quotas and cost.",
        {**stored, **ceilings},
        expression=f"100 * SUM([{', '.join(stored)}]) / MAX([{', '.join(ceilings)}])",
        period=HOUR,
        periods=1,
        threshold="${OrdersPerHourPercent}",
        why="no order within the hour is within any ceiling",
    )
