"""Metrics that the emulator records for AWS services."""

import threading
import time

_lock = threading.Lock()


def record(namespace: str, name: str, value: float, unit: str, dimensions: dict[str, str], times: int = 1) -> None:
    """Record a value now, as often as it came. Equal values of one second become one point that counts them: under load
    MiniStack, which looks through every point to answer anything, has few to look at."""
    from ministack.services import cloudwatch

    now = time.time()
    with _lock:
        points = cloudwatch._metric_bucket((namespace, name, cloudwatch._dims_key(dimensions)))
        last = points[-1] if points else None
        if last and "_stat" not in last and last["Value"] == value and int(last["Timestamp"]) == int(now):
            last["Count"] = last.get("Count", 1.0) + times
        else:
            point = {"Timestamp": now, "Value": float(value), "Unit": unit, "Dimensions": dict(dimensions)}
            points.append({**point, "Count": float(times)})
