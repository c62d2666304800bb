"""The state of a run, read when a page asks for it."""

import threading
from types import SimpleNamespace

import pytest

from console import watching
from console.watching import Watcher
from deployer.errors import Exit, Failure
from operations.queues.lookup import Queue
from tests.waiting import HANGS, eventually


class Run:
    """In place of watching.Run: counts what is read, and may fail or wait."""

    made = 0

    def __init__(self, deployment):
        type(self).made += 1
        self.stack = deployment.stack["StackId"]
        self.looks = 0

    def look(self, deployment) -> dict:
        self.looks += 1
        deployment.wait()
        return {"orders": [], "looks": self.looks}


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(watching, "Run", Run)
    monkeypatch.setattr(Run, "made", 0)


def deployed(stack: str = "first", wait=lambda: None) -> SimpleNamespace:
    return SimpleNamespace(stack={"StackId": stack}, wait=wait)


def test_several_pages_share_what_is_read(run, monkeypatch):
    monkeypatch.setattr(watching, "SHARED", HANGS)
    watcher = Watcher(deployed)
    assert watcher.state() is watcher.state()
    monkeypatch.setattr(watching, "SHARED", -1)
    assert watcher.state()["looks"] == 2


def test_who_asks_while_another_reads_gets_the_last_state(run, monkeypatch):
    monkeypatch.setattr(watching, "SHARED", -1)
    reading, goes_on = threading.Event(), threading.Event()
    waits: list = [lambda: None, lambda: (reading.set(), goes_on.wait(HANGS))]
    watcher = Watcher(lambda: deployed(wait=waits.pop(0)))
    before = watcher.state()
    thread = threading.Thread(target=watcher.state)
    thread.start()
    assert reading.wait(HANGS)
    assert watcher.state() is before
    goes_on.set()
    thread.join(HANGS)
    assert watcher._state["looks"] == 2


def test_a_problem_keeps_the_last_state_and_ends(run, monkeypatch):
    monkeypatch.setattr(watching, "SHARED", -1)
    answers: list = [deployed(), Failure(Exit.PREFLIGHT, "there is no emulator running", "make run"), deployed()]

    def current():
        answer = answers.pop(0)
        if isinstance(answer, Failure):
            raise answer
        return answer

    watcher = Watcher(current)
    watcher.state()
    said = watcher.state()
    assert said == {
        "orders": [],
        "looks": 1,
        "problem": {"message": "there is no emulator running", "hint": "make run"},
    }
    assert watcher.state()["problem"] is None and Run.made == 1


def test_another_stack_begins_anew(run, monkeypatch):
    monkeypatch.setattr(watching, "SHARED", -1)
    stacks = ["first", "first", "second"]
    watcher = Watcher(lambda: deployed(stacks.pop(0)))
    assert [watcher.state()["looks"] for _ in range(3)] == [1, 2, 1]


def test_an_error_of_our_own_is_raised_and_the_next_look_works(run, monkeypatch):
    monkeypatch.setattr(watching, "SHARED", -1)
    answers = [lambda: 1 / 0, deployed]
    watcher = Watcher(lambda: answers.pop(0)())
    with pytest.raises(ZeroDivisionError):
        watcher.state()
    assert eventually(watcher.state)["problem"] is None


@pytest.mark.parametrize(
    ("waiting", "in_flight", "said"),
    [(0, 0, "0 waiting"), (3, 0, "3 waiting"), (0, 2, "2 in flight"), (3, 2, "3 + 2 in flight")],
)
def test_the_depth_of_a_queue_fits_its_box(waiting, in_flight, said):
    counts = {"ApproximateNumberOfMessages": str(waiting), "ApproximateNumberOfMessagesNotVisible": str(in_flight)}
    assert watching._depth(Queue("OrderQueue", "", counts)) == said
