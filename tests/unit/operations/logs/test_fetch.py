"""Reading logs: several groups in one order, page after page; following without loss, without repetition."""

from collections import Counter

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from operations.logs import fetch
from operations.logs.fetch import INGESTION_DELAY, Deduplicator, events, follow
from operations.logs.lines import Event, OrderTrace

GROUPS = {"a": "/env/a", "b": "/env/b"}


class Logs:
    """FilterLogEvents over what is in `groups`: name -> [(time, message)], two events a page."""

    class exceptions:
        class ResourceNotFoundException(ClientError):
            pass

    def __init__(self, groups):
        self.groups, self.asked = groups, []

    def client(self, name):
        assert name == "logs"
        return self

    def get_paginator(self, operation):
        assert operation == "filter_log_events"
        return self

    def paginate(self, logGroupName, startTime, filterPattern=""):
        self.asked.append((logGroupName, startTime, filterPattern))
        if logGroupName not in self.groups:
            raise self.exceptions.ResourceNotFoundException({"Error": {"Code": "ResourceNotFoundException"}}, "F")
        found = [
            {"timestamp": time, "message": message, "logStreamName": "s"}
            for time, message in sorted(self.groups[logGroupName], key=lambda each: each[0])
            if time >= startTime
        ]
        pages = [found[at : at + 2] for at in range(0, len(found), 2)]
        yield from ({"events": page} for page in [[], *pages, []])  # pages may be empty, says the reference


def test_groups_are_merged_by_time_over_all_their_pages():
    logs = Logs({"/env/a": [(n, f"a{n}") for n in range(0, 50, 2)], "/env/b": [(n, f"b{n}") for n in range(1, 50, 2)]})
    found = list(events(logs, GROUPS, 4, "p"))
    assert [event.time for event in found] == list(range(4, 50))
    assert found[0] == Event("a", "s", 4, "a4")
    assert sorted(logs.asked) == [("/env/a", 4, "p"), ("/env/b", 4, "p")]


def test_a_group_that_is_not_there_has_no_events():
    assert [event.message for event in events(Logs({"/env/b": [(1, "x")]}), GROUPS, 0)] == ["x"]


def test_a_refusal_is_not_taken_for_silence():
    logs = Logs({})
    logs.paginate = lambda **_: (_ for _ in ()).throw(ClientError({"Error": {"Code": "AccessDeniedException"}}, "F"))
    with pytest.raises(ClientError):
        list(events(logs, GROUPS, 0))


def test_pages_are_asked_for_with_their_tokens(aws):
    stub = aws.stub("logs")
    for page, token in ((1, "t1"), (2, None)):
        stub.add_response(
            "filter_log_events",
            {"events": [{"timestamp": page, "message": str(page), "logStreamName": "s", "eventId": "e"}]}
            | ({"nextToken": token} if token else {}),
            {"logGroupName": "/env/a", "startTime": 0} | ({"nextToken": "t1"} if page == 2 else {}),
        )
    assert [event.message for event in events(aws, {"a": "/env/a"}, -5)] == ["1", "2"]
    aws.done()


EVENT = st.builds(Event, st.sampled_from("ab"), st.sampled_from("st"), st.integers(0, 20), st.sampled_from("xyz"))


@given(st.lists(EVENT), st.data())
def test_any_order_of_arrival_shows_every_event_once(everything, data):
    """Looks see more and more of it, in whatever order it becomes visible: equal events, and late ones, included."""
    arrival = data.draw(st.permutations(everything))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arrival)), max_size=5)))
    fresh, shown = Deduplicator(0), []
    for cut in [*cuts, len(arrival)]:
        look = sorted((event for event in arrival[:cut] if event.time >= fresh.start), key=lambda event: event.time)
        batch = fresh.of(look)
        assert [event.time for event in batch] == sorted(event.time for event in batch)
        shown += batch
    assert Counter(shown) == Counter(everything)


@given(st.lists(st.lists(EVENT)))
def test_merging_any_split_gives_every_event_once_in_order(parts):
    ordered = [sorted(part, key=lambda event: event.time) for part in parts]
    logs = Logs({})
    names = {str(place): str(place) for place in range(len(parts))}

    def paginate(logGroupName, **_):
        mine = ordered[int(logGroupName)]
        for at in range(0, len(mine), 3):
            yield {
                "events": [
                    {"timestamp": each.time, "message": each.message, "logStreamName": each.stream}
                    for each in mine[at : at + 3]
                ]
            }

    logs.paginate = paginate
    merged = list(events(logs, names, 0))
    assert [event.time for event in merged] == sorted(event.time for part in parts for event in part)
    wanted = Counter(
        (place, event.stream, event.time, event.message) for place, part in enumerate(parts) for event in part
    )
    assert Counter((int(event.source), event.stream, event.time, event.message) for event in merged) == wanted


def test_looking_again_reaches_back_for_what_comes_late_but_not_forever():
    fresh = Deduplicator(0)
    old = Event("a", "s", 10, "old")
    assert fresh.of([old, Event("a", "s", INGESTION_DELAY + 100, "new")]) == [
        old,
        Event("a", "s", INGESTION_DELAY + 100, "new"),
    ]
    assert fresh.start == 100
    late = Event("b", "s", 150, "late")
    assert fresh.of([late, Event("a", "s", INGESTION_DELAY + 100, "new")]) == [late]
    assert fresh.start == 100
    assert len(fresh._seen) == 2  # what no look shows any more is not remembered


def test_what_a_look_misses_for_once_is_not_told_again():
    fresh, first, second = Deduplicator(0), Event("a", "s", 1, "first"), Event("a", "s", 2, "second")
    assert [fresh.of(look) for look in ([first], [second], [first, second])] == [[first], [second], []]


class Clock:
    def __init__(self, most):
        self.slept, self.most = [], most

    def sleep(self, seconds):
        self.slept.append(seconds)
        if len(self.slept) == self.most:
            raise KeyboardInterrupt


def throttled():
    return ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "FilterLogEvents")


def test_throttling_and_lost_connections_are_sat_out_and_told_once():
    logs = Logs({"/env/a": [(5, "first")], "/env/b": []})
    troubles, clock = [], Clock(6)
    answers = iter([None, throttled(), EndpointConnectionError(endpoint_url="x"), None, throttled(), None])

    def look(start):
        trouble = next(answers)
        if trouble:
            logs.groups["/env/a"].append((6 + len(clock.slept), f"while away {len(clock.slept)}"))
            raise trouble
        return list(events(logs, GROUPS, start))

    batches = []
    with pytest.raises(KeyboardInterrupt):
        for batch in follow(look, 0, 1.0, troubles.append, clock):
            batches.append([event.message for event in batch])
    assert batches == [["first"], ["while away 1", "while away 2"], ["while away 4"]]
    assert clock.slept == [1, 2, 4, 1, 2, 1] and len(troubles) == 2


def test_a_refusal_ends_following():
    def look(start):
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "FilterLogEvents")

    with pytest.raises(ClientError):
        next(follow(look, 0, 1.0, print, Clock(1)))


def test_a_pause_grows_to_its_limit_only():
    clock = Clock(12)

    def look(start):
        raise throttled()

    with pytest.raises(KeyboardInterrupt):
        next(follow(look, 0, 1.0, lambda reason: None, clock))
    assert max(clock.slept) == fetch.MAX_BACKOFF == clock.slept[-1]


def test_a_story_is_found_in_two_rounds_each_event_once():
    order = '{"order_id": "fd-1", "correlation_id": "r1", "timestamp": "2026-01-01T00:00:00.%03d+00:00"}'
    logs = Logs(
        {
            "/env/a": [(30, order % 2), (30, order % 2), (10, '{"correlation_id": "r1", "message": "before"}')],
            "/env/b": [(5, order % 1), (6, '{"order_id": "fd-2", "correlation_id": "r1"}'), (7, "text")],
        }
    )
    trace = OrderTrace("fd-1")
    found = fetch.of_order(logs, GROUPS, trace, 0)
    assert [(event.source, event.time) for event in found] == [("a", 10), ("b", 5), ("a", 30), ("a", 30)]
    patterns = list(dict.fromkeys(pattern for _, _, pattern in logs.asked))
    assert patterns == [
        '{ $.order_id = "fd-1" }',
        '{ $.order_id = "fd-1" || $.correlation_id = "r1" || $.requestId = "r1" }',
    ]
    assert len(logs.asked) == 4  # two groups, two rounds


def test_what_several_patterns_find_is_one_event():
    line = '{"order_id": "fd-1", "function_request_id": "%036d"}'
    logs = Logs({"/env/a": [(n, line % n) for n in range(10)], "/env/b": []})
    assert [event.time for event in fetch.of_order(logs, GROUPS, OrderTrace("fd-1"), 0)] == list(range(10))
    assert 2 < len({pattern for _, _, pattern in logs.asked}) <= 7
