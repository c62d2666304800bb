"""A running operation on screen: a tree on a terminal, news and a heartbeat in a log."""

import io
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from botocore.exceptions import ClientError

from deployer.plan.changes import Action, Change, Plan
from deployer.show import progress
from deployer.show.monitoring_view import MonitoringView
from deployer.show.progress import Progress
from deployer.show.ui import Ui
from deployer.stacks.alarms import Alarm
from deployer.stacks.events import STACK, Event
from deployer.stacks.rollback_triggers import UNMONITORED, Monitoring

ROOT, DATA = (f"arn:aws:cloudformation:r:1:stack/{name}/1" for name in ("shop", "shop-Data"))
START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


def event(second, stack, logical_id, status, physical_id="x", kind=STACK, reason=""):
    name = stack.split("/")[1]
    identity = f"{second}{stack}{logical_id}{status}"
    time = START + timedelta(seconds=second)
    return Event(identity, time, stack, name, logical_id, physical_id, kind, status, reason)


BEGUN = [
    event(0, ROOT, "shop", "UPDATE_IN_PROGRESS", ROOT),
    event(1, ROOT, "Data", "UPDATE_IN_PROGRESS", DATA),
    event(1, DATA, "shop-Data", "UPDATE_IN_PROGRESS", DATA),
    event(2, DATA, "Queue", "UPDATE_IN_PROGRESS", kind="AWS::SQS::Queue"),
    event(3, DATA, "Table", "UPDATE_IN_PROGRESS", kind="AWS::DynamoDB::Table"),
    event(5, DATA, "Queue", "UPDATE_COMPLETE", kind="AWS::SQS::Queue"),
]
ENDED = [
    event(65, DATA, "Table", "UPDATE_COMPLETE", kind="AWS::DynamoDB::Table"),
    event(66, DATA, "shop-Data", "UPDATE_COMPLETE", DATA),
    event(67, ROOT, "Data", "UPDATE_COMPLETE", DATA),
    event(67, ROOT, "shop", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ROOT),
    event(68, ROOT, "shop", "UPDATE_COMPLETE", ROOT),
]
FAILED = [
    event(68, ROOT, "Data", "UPDATE_FAILED", DATA, reason="Embedded stack was not successfully updated"),
    event(65, DATA, "Table", "UPDATE_FAILED", kind="AWS::DynamoDB::Table", reason="no"),
    event(66, DATA, "shop-Data", "UPDATE_ROLLBACK_IN_PROGRESS", DATA),
    event(67, DATA, "shop-Data", "UPDATE_ROLLBACK_COMPLETE", DATA),
    event(69, ROOT, "shop", "UPDATE_ROLLBACK_COMPLETE", ROOT),
]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def known(clock):
    return Progress("shop", {"Data": 3}, clock)


def ui(width=80, interactive=False, encoding="utf-8"):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    made = Ui(stream, interactive=interactive)
    made.console.width = width
    return made


def shown(ui):
    ui.console.file.flush()
    return ui.console.file.buffer.getvalue().decode()


def test_the_tree_has_each_stack_with_its_resources_in_progress_times_and_counts(known, clock):
    known.take(BEGUN)
    clock.now += timedelta(seconds=63)
    assert [(depth, text) for depth, text, _ in progress.tree(known, ui())] == [
        (0, "… shop  UPDATE_IN_PROGRESS  1 of 3  1 min 03 s"),
        (1, "… Data  UPDATE_IN_PROGRESS  1 of 3  1 min 02 s"),
        (3, "Table (AWS::DynamoDB::Table) 1 min 00 s"),
    ]


def test_a_stack_that_ended_keeps_its_time_and_a_count_never_passes_its_total(known, clock):
    known.take(BEGUN + ENDED + [event(68, DATA, f"More{n}", "UPDATE_COMPLETE", kind="T") for n in range(3)])
    clock.now += timedelta(hours=1)
    lines = [text for _, text, _ in progress.tree(known, ui())]
    assert lines == ["✓ shop  UPDATE_COMPLETE  5 of 5  1 min 08 s", "✓ Data  UPDATE_COMPLETE  5 of 5  1 min 05 s"]


def test_an_alias_names_the_codedeploy_deployment_that_moves_its_requests(known, clock):
    alias = {"kind": "AWS::Lambda::Alias"}
    known.take(
        [
            BEGUN[0],
            event(1, ROOT, "OrdersQueryAlias", "UPDATE_IN_PROGRESS", **alias),
            event(9, ROOT, "OrdersQueryAlias", "UPDATE_IN_PROGRESS", reason="CodeDeploy deployment d-ABC123", **alias),
            event(9, ROOT, "OrdersQueryAlias", "UPDATE_IN_PROGRESS", **alias),
        ]
    )
    clock.now = START + timedelta(seconds=61)
    assert "(AWS::Lambda::Alias, CodeDeploy d-ABC123, 1 min 00 s)" in progress.heartbeat(known)


def test_a_rollback_is_marked_and_not_counted_against_the_plan(known):
    known.take(BEGUN + FAILED)
    assert [text for _, text, _ in progress.tree(known, ui())][1] == "✗ Data  UPDATE_ROLLBACK_COMPLETE  2  1 min 06 s"


def test_of_many_resources_in_progress_the_longest_are_named(known, clock):
    known.take(BEGUN[:3] + [event(10 - n, DATA, f"R{n}", "CREATE_IN_PROGRESS", kind="T") for n in range(9)])
    clock.now += timedelta(seconds=10)
    lines = [text for _, text, _ in progress.tree(known, ui())]
    assert lines[2] == "R8 (T) 8 s" and lines[-1] == "and 3 more" and len(lines) == 2 + 6 + 1


def test_clock_skew_shows_no_negative_time(known, clock):
    clock.now -= timedelta(seconds=30)
    known.take(BEGUN)
    assert all("-" not in text.partition("  ")[2] for _, text, _ in progress.tree(known, ui()))


def test_a_log_gets_a_line_as_a_stack_begins_and_ends_and_for_every_failure(known):
    known.take(BEGUN)
    assert [text for text, _ in progress.log_lines(known, BEGUN)] == [
        "  12:00:00  shop UPDATE_IN_PROGRESS",
        "  12:00:01  Data UPDATE_IN_PROGRESS",
    ]
    known.take(FAILED)
    assert [text for text, _ in progress.log_lines(known, FAILED)] == [
        "  12:01:05  Data/Table (AWS::DynamoDB::Table) UPDATE_FAILED: no",
        "  12:01:06  Data UPDATE_ROLLBACK_IN_PROGRESS",
        "  12:01:07  Data UPDATE_ROLLBACK_COMPLETE in 1 min 06 s, 2 resources",
        "  12:01:09  shop UPDATE_ROLLBACK_COMPLETE in 1 min 09 s, 2 resources",
    ]


def test_a_nested_stack_that_failed_before_its_creation_is_shown_by_its_parent(known):
    batch = [BEGUN[0], event(1, ROOT, "Data", "CREATE_FAILED", "", reason="no such template")]
    known.take(batch)
    assert progress.log_lines(known, batch)[1][0].endswith(
        "shop/Data (AWS::CloudFormation::Stack) CREATE_FAILED: no such template"
    )


def test_cleaning_up_is_no_news_and_the_end_has_its_time_and_count(known):
    known.take(BEGUN + ENDED)
    assert [text for text, _ in progress.log_lines(known, ENDED)] == [
        "  12:01:06  Data UPDATE_COMPLETE in 1 min 05 s, 2 of 3 resources",
        "  12:01:08  shop UPDATE_COMPLETE in 1 min 08 s, 2 of 3 resources",
    ]


def test_a_log_without_news_gets_a_line_every_half_minute(known, clock):
    screen = ui()
    on_events = progress._logging(screen, known, NOTHING)
    on_events(BEGUN)
    for _ in range(95):
        clock.now += timedelta(seconds=1)
        on_events([])
    waiting = [line for line in shown(screen).splitlines() if "waiting" in line]
    assert waiting == [
        "  waiting for Data/Table (AWS::DynamoDB::Table, 27 s), 30 s so far",
        "  waiting for Data/Table (AWS::DynamoDB::Table, 57 s), 1 min 00 s so far",
        "  waiting for Data/Table (AWS::DynamoDB::Table, 1 min 27 s), 1 min 30 s so far",
    ]


def test_before_the_first_event_a_log_waits_for_cloudformation(known):
    assert progress.heartbeat(known) == "  waiting for CloudFormation"


NOTHING = MonitoringView(UNMONITORED, list)
MONITORING = Monitoring(tuple(f"arn:aws:cloudwatch:r:1:alarm:shop-{path}" for path in ("sync", "async")), 10)
DEPLOYED = [
    event(0, ROOT, "shop", "UPDATE_IN_PROGRESS", ROOT),
    event(1, ROOT, "Data", "UPDATE_IN_PROGRESS", DATA),
    event(1, DATA, "shop-Data-1A", "UPDATE_IN_PROGRESS", DATA),
    event(2, DATA, "Table", "UPDATE_IN_PROGRESS", kind="AWS::DynamoDB::Table"),
    event(20, DATA, "Table", "UPDATE_COMPLETE", kind="AWS::DynamoDB::Table"),
    event(21, DATA, "shop-Data-1A", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", DATA),
    event(22, ROOT, "Data", "UPDATE_COMPLETE", DATA),
]


def states(*names_and_states):
    return [Alarm(name, True, state, START, "", "") for name, state in names_and_states]


def test_while_alarms_are_monitored_a_log_gets_a_line_a_minute_with_the_time_left_and_their_states(known, clock):
    screen, reads = ui(), []
    answers = [states(("shop-sync", "OK"), ("shop-async", "OK"))] * 7

    def read():
        reads.append(clock.now)
        return answers.pop(0) if answers else states(("shop-sync", "ALARM"), ("shop-async", "INSUFFICIENT_DATA"))

    clock.now = START + timedelta(seconds=22)
    on_events = progress._logging(screen, known, MonitoringView(MONITORING, read))
    on_events(DEPLOYED)
    for _ in range(100):
        clock.now += timedelta(seconds=1)
        on_events([])
    assert [line for line in shown(screen).splitlines() if "Monitoring" in line or "waiting" in line] == [
        "  Monitoring 2 alarms for 10 min: about 9:50 left, all OK",
        "  Monitoring 2 alarms for 10 min: about 8:50 left, all OK",
    ]
    assert min(later - earlier for earlier, later in pairwise(reads)) == timedelta(seconds=10)
    clock.now += timedelta(seconds=60)
    on_events([])
    assert shown(screen).endswith("about 7:20 left, shop-sync ALARM, shop-async INSUFFICIENT_DATA\n")


def test_a_clock_that_is_behind_cloudformations_delays_no_monitoring_and_adds_no_time(known, clock):
    clock.now = START - timedelta(minutes=5)
    known.take(DEPLOYED)
    clock.now += timedelta(seconds=15)
    line = MonitoringView(MONITORING, list).line(known.quiet_since(), clock.now)
    assert "for 10 min: about 9:45 left" in line


@pytest.mark.parametrize(
    "batch",
    [
        DEPLOYED[:4],  # a resource is in progress
        DEPLOYED[:3],  # a nested stack is
        [*DEPLOYED, event(23, ROOT, "shop", "UPDATE_ROLLBACK_IN_PROGRESS", ROOT)],
        [*DEPLOYED, event(23, ROOT, "shop", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ROOT)],
        [],
    ],
)
def test_before_and_after_the_monitoring_time_nothing_says_that_alarms_are_monitored(known, clock, batch):
    known.take(batch)
    clock.now += timedelta(minutes=2)
    assert MonitoringView(MONITORING, list).line(known.quiet_since(), clock.now) == ""


def test_states_that_cannot_be_read_are_unknown_and_a_fault_of_this_program_is_none_of_them(known, clock):
    def denied():
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeAlarms")

    view = MonitoringView(MONITORING, denied)
    view.refresh(START, clock.now)
    assert view.line(START, START + timedelta(minutes=11)).endswith("about 0:00 left, states unknown")
    with pytest.raises(KeyError):
        MonitoringView(MONITORING, lambda: {}["x"]).refresh(START, clock.now)


def test_a_live_display_has_the_monitoring_below_the_tree(known, clock):
    known.take(DEPLOYED)
    clock.now += timedelta(seconds=60)
    view = MonitoringView(MONITORING, lambda: states(("shop-sync", "OK")))
    view.refresh(known.quiet_since(), clock.now)
    screen = ui(interactive=True)
    with screen.console.capture() as captured:
        screen.console.print(progress._drawn(known, screen, view))
    assert "Monitoring 2 alarms for 10 min: about 9:" in captured.get()


@pytest.mark.parametrize("width", [20, 40, 79, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_tree_never_takes_more_than_the_terminals_width(known, width, encoding):
    screen = ui(width, interactive=True, encoding=encoding)
    known.take(BEGUN)
    with screen.console.capture() as captured:
        screen.console.print(progress._drawn(known, screen, NOTHING), style="none")
    lines = captured.get().splitlines()
    assert len(lines) == 3
    assert all(len(_plain(line)) <= width for line in lines)
    captured.get().encode(encoding)


def _plain(line):
    import re

    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line)


@pytest.mark.parametrize("terminal", ["dumb", "xterm-256color"])
def test_a_dumb_terminal_gets_lines_instead_of_a_live_display(monkeypatch, terminal):
    monkeypatch.setenv("TERM", terminal)

    class Tty(io.StringIO):
        encoding = "utf-8"

        def isatty(self):
            return True

    screen = Ui(stream := Tty())
    with progress.display(screen, "shop") as on_events:
        on_events(BEGUN)
    assert screen.interactive is (terminal != "dumb")
    assert ("\x1b" in stream.getvalue()) is (terminal != "dumb")
    assert "shop" in stream.getvalue()


def test_the_plan_says_how_many_resources_to_expect_of_each_stack():
    changes = [
        Change((), "Data", STACK, Action.ADD),
        Change((), "Topic", "AWS::SNS::Topic", Action.ADD),
        Change(("Data",), "Table", "AWS::DynamoDB::Table", Action.MODIFY),
        Change(("Data",), "Queue", "AWS::SQS::Queue", Action.REMOVE),
    ]
    assert progress.expected(Plan(tuple(changes))) == {"": 1, "Data": 2}


def test_a_deletion_that_is_done_succeeded(known):
    batch = [event(0, ROOT, "shop", "DELETE_IN_PROGRESS", ROOT), event(9, ROOT, "shop", "DELETE_COMPLETE", ROOT)]
    known.take(batch)
    assert progress.log_lines(known, batch)[-1] == ("  12:00:09  shop DELETE_COMPLETE in 9 s, 0 of 3 resources", "")
    assert progress.tree(known, Ui(io.StringIO(), interactive=False))[0][2] == "green"
