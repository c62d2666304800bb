"""Write metrics to the log, in CloudWatch's embedded metric format (EMF).

All metrics of one request are one line, although some are read by service and some by path: an EMF document may have
several directives, each with other dimensions. (Powertools writes one directive, always with the service: a placed order
would take three lines, and metrics by path would exist per function as well.) If a dimension has two values, as in a
batch of orders from two paths, each takes a line.

The format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import os
import time
from dataclasses import dataclass, field

from contract.metrics import METRICS, NAMESPACE

VALUES_PER_METRIC = 100  # CloudWatch's limit in a document

# Dimensions that are constant in a process.
_OWN = {
    "Environment": os.environ.get("ENVIRONMENT", "local"),
    "service": os.environ.get("POWERTOOLS_SERVICE_NAME", "local"),
    "version": os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "local"),
}
_DASHBOARD = os.environ.get("DASHBOARD_ENABLED") != "false"


@dataclass
class _Document:
    dimensions: dict[str, str] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)

    def has_room(self, name: str, dimensions: dict[str, str]) -> bool:
        return (
            all(self.dimensions.get(key, value) == value for key, value in dimensions.items())
            and len(self.values.get(name, ())) < VALUES_PER_METRIC
        )


_documents: list[_Document] = []


def add(name: str, value: float, **dimensions: str) -> None:
    """Keep a value of a metric of contract.metrics until the next flush, unless this environment has no reader for it.

    `dimensions` are the metric's besides Environment, service and version. Raises KeyError for a metric that is not declared, or
    without one of its dimensions.
    """
    metric = METRICS[name]
    own = {key: (_OWN | dimensions)[key] for key in metric.dimensions}
    if not (metric.alarm or _DASHBOARD):
        return
    document = next((each for each in _documents if each.has_room(name, own)), None)
    if document is None:
        document = _Document()
        _documents.append(document)
    document.dimensions |= own
    document.values.setdefault(name, []).append(value)


def flush() -> None:
    """Write the values added since the last flush: in one line, or in several if a dimension has several values."""
    now = time.time_ns() // 1_000_000
    for document in _documents:
        print(json.dumps(_emf(document, now), separators=(",", ":")))
    _documents.clear()


def _emf(document: _Document, now: int) -> dict:
    directives: dict[tuple[str, ...], list[dict]] = {}
    for name in document.values:
        metric = METRICS[name]
        directives.setdefault(metric.dimensions, []).append({"Name": name, "Unit": metric.unit})
    return {
        "_aws": {
            "Timestamp": now,
            "CloudWatchMetrics": [
                {"Namespace": NAMESPACE, "Dimensions": [names], "Metrics": metrics}
                for names, metrics in directives.items()
            ],
        },
        **document.dimensions,
        **{name: values[0] if len(values) == 1 else values for name, values in document.values.items()},
    }
