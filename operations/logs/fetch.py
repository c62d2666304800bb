"""Read log groups: merged by time, page by page, or followed without loss or repetition.

Following polls FilterLogEvents. StartLiveTail answers sooner, but samples above 500 events a second, ends
after three hours, costs by the minute, and cannot start in the past, so a gapless start needs polling anyway.
"""

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from deployer.aws import service_errors
from deployer.aws.session import Aws
from operations.logs import lines
from operations.logs.lines import Event, OrderTrace

INGESTION_DELAY = 60_000
"""Milliseconds: how much later than a newer event CloudWatch may ingest an older one and it is still found."""

MAX_BACKOFF = 30.0
"""Maximum backoff in seconds while CloudWatch does not answer."""


def events(aws: Aws, groups: Mapping[str, str], start: int, pattern: str = "") -> Iterator[Event]:
    """Yield the events of the log groups (source -> group) since `start` (ms since 1970), oldest first, each once.

    The next page of each group is fetched while the current one is consumed: a day of logs needs little memory.
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
    """Yield the pages' events, fetching each page while the one before is consumed."""
    coming = pool.submit(next, pages, None)

    def consumed(coming) -> Iterator[Event]:
        while (page := coming.result()) is not None:
            coming = pool.submit(next, pages, None)
            yield from page

    return consumed(coming)


class Deduplicator:
    """Pass every event once, although consecutive polls overlap.

    Equal events (same stream, millisecond and text) are counted: those beyond the highest count so far are new.
    CloudWatch's event ids would serve as well; the emulator has none.
    """

    def __init__(self, start: int):
        self.start = self._newest = start
        self._seen: Counter[Event] = Counter()

    def of(self, look: Sequence[Event]) -> list[Event]:
        """Return the new events of a poll, which must cover everything since `self.start`; that advances."""
        fresh: list[Event] = []
        shown: Counter[Event] = Counter()
        for event in look:
            shown[event] += 1
            if shown[event] > self._seen[event]:
                fresh.append(event)
        self._seen |= shown
        self._newest = max([self._newest, *(event.time for event in fresh)])
        self.start = max(self.start, self._newest - INGESTION_DELAY)
        self._seen = Counter({event: number for event, number in self._seen.items() if event.time >= self.start})
        return fresh


def follow(
    look: Callable[[int], Sequence[Event]], start: int, pause: float, on_trouble: Callable[[str], None], clock=time
) -> Iterator[list[Event]]:
    """Yield the new events of each poll, endlessly. `look(start)` returns all events since then, in order.

    Throttling and lost connections are reported to `on_trouble` once and retried: the next poll overlaps far enough.
    """
    fresh, delay, troubled = Deduplicator(start), pause, False
    while True:
        try:
            found = look(fresh.start)
        except Exception as error:
            if not service_errors.is_transient(error):
                raise
            if not troubled:
                on_trouble(str(error))
            troubled, delay = True, min(delay * 2, MAX_BACKOFF)
        else:
            troubled, delay = False, pause
            yield fresh.of(found)
        clock.sleep(delay)


def of_order(aws: Aws, groups: Mapping[str, str], trace: OrderTrace, start: int) -> list[Event]:
    """Return the events since `start` that belong to the trace, by the time in the line.

    The lines that name the order give its requests; a second round finds the other lines of those requests.
    """
    found: Counter[Event] = Counter()
    known: list[str] = []
    while known != (patterns := trace.patterns()):
        known, found = patterns, Counter()
        for pattern in patterns:
            found |= Counter(events(aws, groups, start, pattern))  # two patterns may find the same event
        trace.learn(lines.read(event) for event in found)
    concerned = [line for event in found.elements() if trace.concerns(line := lines.read(event))]
    return [line.event for line in sorted(concerned, key=lambda line: (line.moment, line.event.time))]
