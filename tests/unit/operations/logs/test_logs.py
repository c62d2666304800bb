"""`--logs`: which lines are shown, how they look, where they go, and how following ends."""

import io
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from deployer import connection
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from operations.logs import command, fetch, lines
from operations.logs.lines import Event
from operations.logs.view import LogView, clean

OUTPUTS = [{"OutputKey": f"Orders{name}Function", "OutputValue": name} for name in ("Worker", "Intake")]
NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z


def event(message="order stored", source="orders-worker", at=0, **fields):
    document = {"level": "INFO", "message": message, "order_id": "fd-1", "service": source, "location": "f:1", **fields}
    return Event(source, "s", NOON + at, json.dumps(document))


@pytest.fixture
def world(monkeypatch):
    """What the log groups hold; everything that is said goes to `said`, the lines to `out`."""
    world = SimpleNamespace(events=[], asked=[], said=io.StringIO(), out=io.StringIO())

    def read(aws, groups, start, pattern=""):
        world.asked.append((dict(groups), start, pattern))
        return iter(sorted((e for e in world.events if e.source in groups), key=lambda each: each.time))

    stack = {"StackName": "food-delivery-dev", "Outputs": OUTPUTS}
    monkeypatch.setattr(connection, "deployed", lambda *arguments: (SimpleNamespace(on_this_machine=True), stack))
    monkeypatch.setattr(fetch, "events", read)
    monkeypatch.setattr(command.time, "time", lambda: NOON / 1000)
    world.run = lambda **options: command.run(Options("dev", **options), Ui(world.said), None, world.out)
    return world


def test_lines_are_for_people_with_what_they_look_for_and_without_the_noise(world):
    world.events = [
        event(correlation_id="r", sequence=None, xray_trace_id="1-2"),
        Event("orders-worker", "s", NOON, "END RequestId: 1"),
        event("request failed", "orders-intake", 1500, level="ERROR", frames=["a.py:1 f", "b.py:2 g"], aws_error="X"),
    ]
    world.run()
    assert world.out.getvalue().splitlines() == [
        "2026-01-01 UTC",
        "12:00:00.000  orders-worker  INFO     order stored  order_id=fd-1  correlation_id=r",
        "12:00:01.500  orders-intake  ERROR    request failed  order_id=fd-1  aws_error=X",
        "    a.py:1 f",
        "    b.py:2 g",
    ]
    assert world.said.getvalue() == ""


def test_the_day_is_said_when_it_begins(world):
    world.events = [event(), event(at=12 * 3600_000), event(at=13 * 3600_000)]
    world.run()
    days = [line for line in world.out.getvalue().splitlines() if line.endswith("UTC")]
    assert days == ["2026-01-01 UTC", "2026-01-02 UTC"]


@pytest.mark.parametrize(
    ("options", "seconds"), [({}, 600), ({"order": "fd-1"}, 86400), ({"since": 5.0, "order": "fd-1"}, 5)]
)
def test_the_look_back_is_ten_minutes_or_a_day_or_what_is_asked_for(world, options, seconds):
    world.run(**options)
    assert world.asked[0][1] == NOON - seconds * 1000
    assert "No lines in the last" in world.said.getvalue() and world.out.getvalue() == ""


def test_one_function_is_read_alone_and_an_order_s_story_from_the_gateway_on(world):
    world.run(function="OrdersWorker")
    world.run(function="OrdersWorker", order="fd-1")
    world.run(order="fd-1")
    assert [sorted(groups) for groups, _, _ in world.asked] == [
        ["orders-worker"],
        ["orders-worker"],
        ["api-access", "orders-intake", "orders-worker"],
    ]


def test_an_order_s_own_id_is_not_repeated_in_its_story(world):
    world.events = [event(correlation_id="r"), event("another", order_id="fd-2")]
    world.run(order="fd-1")
    assert [line[14:] for line in world.out.getvalue().splitlines()[1:]] == [
        "orders-worker  INFO     order stored  correlation_id=r"
    ]


def test_what_is_no_order_id_never_reaches_aws(world):
    with pytest.raises(Failure) as failure:
        world.run(order='x" || $.level = "INFO')
    assert failure.value.code is Exit.USAGE and not world.asked


def test_the_document_holds_the_lines_and_nothing_else_is_written(world):
    world.events = [event(size=5), Event("orders-worker", "s", NOON, "plain \x1b[2J")]
    report = world.run(output="json")
    assert world.out.getvalue() == ""
    assert report["result"] == "read" and report["logGroups"]["orders-worker"] == "/food-delivery/dev/orders-worker"
    first, second = report["lines"]
    assert (first["time"], first["function"], first["level"]) == (
        "2026-01-01T12:00:00.000+00:00",
        "orders-worker",
        "INFO",
    )
    assert first["fields"]["size"] == 5 and second["fields"] == {"message": "plain \x1b[2J"}


# --- following ------------------------------------------------------------------------------------


@pytest.fixture
def followed(monkeypatch, world):
    """Following that is interrupted when `looks` looks have been taken; `before[n]` happens before the n-th."""

    def run(looks, before=None, **options):
        taken = 0

        class Clock:
            @staticmethod
            def sleep(seconds):
                nonlocal taken
                taken += 1
                if taken == looks:
                    raise KeyboardInterrupt
                (before or {}).get(taken, lambda: None)()

        monkeypatch.setattr(fetch.follow, "__defaults__", (Clock,))
        return world.run(follow=True, **options)

    return run


def test_following_shows_what_comes_once_and_ends_well_with_ctrl_c(world, followed):
    world.events = [event("first")]
    report = followed(4, {2: lambda: world.events.append(event("second", at=1))})
    assert [line.split()[3] for line in world.out.getvalue().splitlines()[1:]] == ["first", "second"]
    assert report["result"] == "followed" and "exitCode" not in report
    assert "Ctrl-C" in world.said.getvalue()


def test_following_for_a_program_writes_one_document_a_line(world, followed):
    world.events = [event("first"), event("second", at=1)]
    followed(2, output="json")
    assert [json.loads(line)["message"] for line in world.out.getvalue().splitlines()] == ["first", "second"]


def test_a_story_goes_on_while_it_is_followed(world, followed):
    world.events = [event("order accepted", correlation_id="r")]
    more = [event("configuration not readable", order_id=None, correlation_id="r", at=5), event("x", order_id="fd-2")]
    followed(3, {1: lambda: world.events.extend(more)}, order="fd-1")
    assert [line[14:].split("  ")[3].strip() for line in world.out.getvalue().splitlines()[1:]] == [
        "order accepted",
        "configuration not readable",
    ]


# --- how it looks ---------------------------------------------------------------------------------


def test_a_line_cannot_move_the_cursor():
    assert clean("a\x1b[2Jb\r\nc\nd\x07") == "a [2Jb | c | d "


def test_functions_have_colours_of_their_own_on_a_terminal():
    out = io.StringIO()
    view = LogView(out, ["orders-intake", "orders-worker"], interactive=True)
    for source in ("orders-intake", "orders-worker"):
        view.show(lines.read(event(source=source)))
    first, second = out.getvalue().splitlines()[1:]
    assert "\x1b[36morders-intake" in first and "\x1b[35morders-worker" in second


def test_a_stream_that_cannot_write_it_gets_question_marks(tmp_path):
    with (tmp_path / "log").open("w", encoding="ascii") as out:
        LogView(out, ["orders-worker"]).show(lines.read(event("café")))
    assert "caf?" in (tmp_path / "log").read_text()


def test_a_reader_that_leaves_is_no_failure():
    """`--logs | head -1`."""
    program = (
        "import sys\nfrom operations.logs.command import _ignore_closed_pipe\n"
        "with _ignore_closed_pipe(sys.stdout):\n"
        "    while True:\n        sys.stdout.write('x' * 9999)\n        sys.stdout.flush()\n"
        "print('ended', file=sys.stderr)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    )
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b"ended\n"
    process.stderr.close()
    assert process.wait(10) == 0
