"""The virtual clock, and tasks that wait on it.

A task is a greenlet: a function of a handler runs until it waits for an answer, for time or for another task. Only one
runs at a time, and the heap of what is due decides which: the same choices give the same run.
"""

import heapq
import itertools
from collections.abc import Callable
from typing import Any

from greenlet import greenlet

START = 1_767_323_045_000.0  # 2026-01-02T03:04:05Z, in milliseconds


class Killed(BaseException):
    """Thrown into the tasks of a process that is killed."""


class Scheduler:
    def __init__(self) -> None:
        self.now = START
        self.running: Process | None = None
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._hub = greenlet.getcurrent()

    def at(self, delay: float, action: Callable[[], object]) -> None:
        """Run `action` in `delay` ms."""
        heapq.heappush(self._due, (self.now + max(delay, 0), next(self._numbers), action))

    def run(self, until: float) -> None:
        """Run all that is due until a time, and what it makes due."""
        self._hub = greenlet.getcurrent()
        while self._due and self._due[0][0] <= until:
            self.now, _, action = heapq.heappop(self._due)
            action()

    def spawn(self, process: "Process", function: Callable[[], object]) -> "Future":
        task = Task(self, process, function)
        self.at(0, task.waker())
        return task.future

    def suspend(self) -> None:
        """Wait, in a task, until one of its wakers is called."""
        if self.process.dead:
            raise Killed
        self._hub.switch()

    def sleep(self, milliseconds: float) -> None:
        self.at(milliseconds, self.waker())
        self.suspend()

    def waker(self) -> Callable[[], None]:
        """Return a function that ends the next wait of the running task, once."""
        return greenlet.getcurrent().task.waker()  # type: ignore[attr-defined]

    @property
    def process(self) -> "Process":
        assert self.running is not None, "called outside a handler"
        return self.running


class Process:
    """An execution environment of a function: `install` puts its module state in place before it runs."""

    def __init__(self, scheduler: Scheduler, install: Callable[["Process"], None]) -> None:
        self.scheduler = scheduler
        self.install = install
        self.name = ""  # of the invocation
        self.tasks: list[Task] = []
        self.dead = False
        self.skew = 0.0  # ms that its clock is ahead
        self.spent = 0.0  # ms of CPU since its last wait
        self.deadline = 0.0
        self.state: dict[str, Any] = {}

    def kill(self) -> None:
        """End all tasks where they wait. To be called outside them."""
        self.dead = True
        for task in [*self.tasks]:
            task.throw()


class Task:
    def __init__(self, scheduler: Scheduler, process: Process, function: Callable[[], object]) -> None:
        self.scheduler, self.process, self.function = scheduler, process, function
        self.future = Future(scheduler)
        self.waits = 0
        self.greenlet = greenlet(self._run, scheduler._hub)
        self.greenlet.task = self  # type: ignore[attr-defined]
        process.tasks.append(self)

    def waker(self) -> Callable[[], None]:
        number = self.waits
        return lambda: self._resume(number)

    def _resume(self, number: int) -> None:
        if number == self.waits and not self.process.dead:
            self.waits += 1
            self._switch(self.greenlet.switch)

    def throw(self) -> None:
        self.waits += 1
        if self.greenlet:  # it has begun; or it would be raised here
            self._switch(lambda: self.greenlet.throw(Killed))

    def _switch(self, switch: Callable[[], object]) -> None:
        self.scheduler.running = self.process
        self.process.install(self.process)
        try:
            switch()
        finally:
            self.scheduler.running = None

    def _run(self) -> None:
        try:
            value, error = self.function(), None
        except BaseException as raised:
            value, error = None, raised
        self.process.tasks.remove(self)
        if not self.process.dead:
            self.future.settle(value, error)


class Future:
    """What a task returns or raises; like that of concurrent.futures."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.done = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._wakers: list[Callable[[], None]] = []

    def settle(self, value: object, error: BaseException | None = None) -> None:
        if self.done:
            return
        self.done, self._value, self._error = True, value, error
        for wake in self._wakers:
            self.scheduler.at(0, wake)

    def when_done(self, action: Callable[[], None]) -> None:
        self._wakers.append(action)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait in a task for at most `timeout` ms; return whether it is done."""
        if not self.done:
            wake = self.scheduler.waker()
            self._wakers.append(wake)
            if timeout is not None:
                self.scheduler.at(timeout, wake)
            self.scheduler.suspend()
        return self.done

    def result(self) -> Any:
        self.wait()
        if self._error is not None:
            raise self._error
        return self._value
