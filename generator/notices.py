"""What an alarm is for, and why: wake a person, have one act within the day, or stop a release."""

from typing import NamedTuple


class Page(NamedTuple):
    because: str


class Ticket(NamedTuple):
    because: str


class Stop(NamedTuple):
    """CodeDeploy stops the release. Nobody is notified: the deployment that failed reports it."""

    because: str
