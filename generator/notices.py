"""What to do with the notification of an alarm, and why: wake a person, or act within the day."""

from typing import NamedTuple


class Page(NamedTuple):
    because: str


class Ticket(NamedTuple):
    because: str
