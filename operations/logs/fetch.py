"""Reading the functions' log groups: merged by time, page by page, and followed without loss or repetition.

Following polls FilterLogEvents. StartLiveTail would answer sooner, but thins out above 500 events a second, ends
after three hours, costs by the minute, and cannot begin in the past: joining both without a gap takes polling anyway.
"""

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from deployer.aws import service_errors
from deployer.aws.session import Aws
from operations.logs import lines
from operations.logs.lines import Event, Story

LATE = 60_000
"""Milliseconds: an event that is taken in so much later than one with a later time is still found."""

SLOWEST = 30.0
"""Seconds between two looks at most, while CloudWatch refuses to answer."""


def events(aws: Aws, groups: Mapping[str, str], start: int, pattern: str = "") -> Iterator[Event]:
    """Source -> log group: their events since `start` (ms since 1970), the oldest first, each once.

    Every group's next page is fetched while the current ones are consumed, so a day of logs needs little memory.
    A group that does not exist has no events.
    """
    logs = aws.client("logs")
    with ThreadPoolExecutor(max(len(groups), 1)) as pool:
        sources = [
            _ahead(pool, _pages(logs, source, group, start, pattern)) for source, group in sorted(groups.items())
        ]
        yield from heapq.merge(*sources, key=lambda event: event.time)


def _pages(logs, source: str, group: str, start: int, pattern: str) -> Iterator[list[Event]]:
    arguments = {"logGroupName": group, "startTime": max(start, 0)} | ({"filterPattern": pattern} if pattern else {})
    try:
        for page in logs.get_paginator("filter_log_events").paginate(**arguments):
            yield [
                Event(source, each.get("logStreamName", ""), each["timestamp"], each["message"])
                for each in page["events"]
            ]
    except logs.exceptions.ResourceNotFoundException:
        return


def _ahead(pool: ThreadPoolExecutor, pages: Iterator[list[Event]]) -> Iterator[Event]:
    """The pages' events; a page is fetched while the one before is consumed, the first one at once."""
    coming = pool.submit(next, pages, None)

    def consumed(coming) -> Iterator[Event]:
        while (page := coming.result()) is not None:
            coming = pool.submit(next, pages, None)
            yield from page

    return consumed(coming)


class Fresh:
    """Lets every event through once, however often overlapping looks show it.

    Equal events (one stream, one millisecond, one text) are told apart by their number: what a look shows more often
    than any look before is new. CloudWatch's event ids would do the same; the emulator gives none.
    """

    def __init__(self, start: int):
        self.start = self._newest = start
        self._seen: Counter[Event] = Counter()

    def of(self, look: Sequence[Event]) -> list[Event]:
        """What of `look` is new, in its order. The look must show everything since `self.start`, which moves on."""
        fresh, shown = [], Counter()
        for event in look:
            shown[event] += 1
            if shown[event] > self._seen[event]:
                fresh.append(event)
        self._seen |= shown
        self._newest = max([self._newest, *(event.time for event in fresh)])
        self.start = max(self.start, self._newest - LATE)
        self._seen = Counter({event: number for event, number in self._seen.items() if event.time >= self.start})
        return fresh


def follow(
    look: Callable[[int], Sequence[Event]], start: int, pause: float, on_trouble: Callable[[str], None], clock=time
) -> Iterator[list[Event]]:
    """What is new, look after look, without end. `look(start)` returns all events since then, in order.

    Throttling and lost connections are told to `on_trouble` once and sat out: the next look reaches back far enough.
    """
    fresh, delay, troubled = Fresh(start), pause, False
    while True:
        try:
            found = look(fresh.start)
        except Exception as error:
            if not service_errors.is_transient(error):
                raise
            if not troubled:
                on_trouble(str(error))
            troubled, delay = True, min(delay * 2, SLOWEST)
        else:
            troubled, delay = False, pause
            yield fresh.of(found)
        clock.sleep(delay)


def of_order(aws: Aws, groups: Mapping[str, str], story: Story, start: int) -> list[Event]:
    """Everything since `start` that concerns the story's order, by the time at which it was said.

    Two rounds: the lines that name the order tell which requests brought it; then what belongs to those is found.
    """
    found: Counter[Event] = Counter()
    known: list[str] = []
    while known != (patterns := story.patterns()):
        known, found = patterns, Counter()
        for pattern in patterns:
            found |= Counter(events(aws, groups, start, pattern))  # two patterns may find the same event
        story.learn(lines.read(event) for event in found)
    concerned = [line for event in found.elements() if story.concerns(line := lines.read(event))]
    return [line.event for line in sorted(concerned, key=lambda line: (line.moment, line.event.time))]
