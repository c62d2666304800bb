"""Entries of DescribeStackEvents."""

from datetime import UTC, datetime, timedelta

from deployer.stacks.events import STACK

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def entry(second, stack, logical_id, status, physical_id="", kind=STACK, reason="", **more):
    """One event, `second` seconds after START; `stack`: its ARN, which names it."""
    return {
        "EventId": f"{stack}{second}{logical_id}{status}",
        "StackId": stack,
        "StackName": stack.split("/")[1],
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": physical_id,
        "ResourceType": kind,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        "Timestamp": START + timedelta(seconds=second),
        **more,
    }
