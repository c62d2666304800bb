"""Lambda: invocations in execution environments, and what invokes them: pollers of the queue and of the stream, the
queue of asynchronous invocations."""

import json
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import NAMESPACE_OID, uuid5

from tests.simulation.queues import Message, Queue
from tests.simulation.scheduler import Process

if TYPE_CHECKING:
    from tests.simulation.world import World

Handler = Callable[[dict, Any], Any]
SKEWS = (0, 40, -40, 2_000, -2_000)  # ms
SLOW = (0, 0.3, 0.5)  # the share of the time left that a handler has used when it asks again
ASYNC_RETRIES = 2
RETRY_AFTER = (60_000, 120_000)
HOUR = 3_600_000


class Outcome(NamedTuple):
    """What an invocation answered; `error`: it raised, timed out or was killed."""

    value: Any
    error: str


class Function:
    def __init__(self, world: "World", name: str, handler: Handler, timeout_ms: float) -> None:
        self.world, self.name, self.handler, self.timeout_ms = world, name, handler, timeout_ms
        self.idle: list[Process] = []

    def invoke(self, event: dict, about: str, done: Callable[[Outcome], None]) -> Process:
        """Start an invocation, named after what it is about; `done` gets its outcome."""
        world = self.world
        name = world.unique(f"{self.name} for {about}")
        process = self.idle.pop() if self.idle else world.new_process(self.name, name)
        process.name = name
        world.processes[process.name] = process
        process.deadline = world.scheduler.now + self.timeout_ms
        context = self._context(process)
        future = world.scheduler.spawn(process, partial(self.handler, json.loads(json.dumps(event)), context))
        finish = partial(self._finish, process, process.name, future, done)
        future.when_done(finish)
        process.state["finish"] = finish
        world.scheduler.at(self.timeout_ms, partial(self._time_out, process, process.name))
        return process

    def _context(self, process: Process) -> SimpleNamespace:
        world = self.world
        share = SLOW[world.choices.number("slow", process.name, len(SLOW))]

        def left() -> float:
            remaining = process.deadline - world.scheduler.now - process.spent
            process.spent += share * remaining
            return (1 - share) * remaining

        return SimpleNamespace(
            aws_request_id=str(uuid5(NAMESPACE_OID, process.name)),
            invoked_function_arn=self.name,
            get_remaining_time_in_millis=left,
        )

    def _finish(self, process: Process, name: str, future: Any, done: Callable[[Outcome], None]) -> None:
        world = self.world
        if world.processes.pop(name, None) is None:
            return
        if process.dead:
            done(Outcome(None, "killed"))
            return
        self.idle.append(process)
        if future._error is not None:
            world.history.add(name, f"raises {type(future._error).__name__}")
            world.checker.raised(name, future._error)
            done(Outcome(None, type(future._error).__name__))
        elif world.choices.fault(f"outcome of {name}", ("killed after",)):
            world.history.add(name, "is killed after its last statement")
            self.idle.remove(process)
            done(Outcome(None, "killed"))
        else:
            done(Outcome(future._value, ""))

    def _time_out(self, process: Process, name: str) -> None:
        if self.world.processes.get(name) is process:
            self.world.kill_now(process, "times out")

    def drop_environments(self) -> None:
        """A deployment: the next invocation starts a process of another version."""
        self.idle.clear()


class QueuePoller:
    """The event source mapping of a queue: batches, partial batch responses, a maximum concurrency."""

    def __init__(self, function: Function, queue: Queue, batch_size: int, concurrency: int, window_ms: float) -> None:
        self.function, self.queue = function, queue
        self.batch_size, self.concurrency, self.window_ms = batch_size, concurrency, window_ms
        self.running = 0
        self.waiting = False
        queue.on_visible = self.wake

    def wake(self) -> None:
        if not self.waiting:
            self.waiting = True
            self.function.world.scheduler.at(self.window_ms, self._poll)

    def _poll(self) -> None:
        self.waiting = False
        world = self.function.world
        while self.running < self.concurrency:
            batch = self.queue.receive(self.batch_size)
            if not batch:
                return
            self.running += 1
            event = {"Records": [message.record(world.scheduler.now) for message in batch]}
            process = self.function.invoke(event, batch[0].name, partial(self._done, batch))
            world.history.add(process.name, f"receives the {', the '.join(message.name for message in batch)}")

    def _done(self, batch: list[Message], outcome: Outcome) -> None:
        self.running -= 1
        if not outcome.error:
            for message in _succeeded(batch, outcome.value):
                if not self.function.world.choices.fault(f"delete {message.name}", ("delete lost",)):
                    self.queue.delete(message)
                else:
                    self.function.world.history.add(self.queue.name, f"loses the deletion of the {message.name}")
        self.wake()


def _succeeded(batch: list[Message], answer: Any) -> list[Message]:
    failures = [each.get("itemIdentifier") for each in (answer or {}).get("batchItemFailures") or []]
    names = {message.name for message in batch}
    if any(failure not in names for failure in failures):
        return []  # the whole batch fails
    return [message for message in batch if message.name not in failures]


class AsyncInvocations:
    """Lambda's queue of asynchronous invocations: at least once, two retries; `given_up` is the on-failure destination."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.given_up: list[dict] = []

    def redrive(self) -> None:
        events, self.given_up = self.given_up, []
        for event in events:
            self.accept(event)

    def accept(self, event: dict) -> None:
        world = self.function.world
        self._start(event, 0)
        if world.choices.fault(f"event of {_about(event)}", ("event twice",)):
            world.scheduler.at(1_000, partial(self._start, event, 0))

    def _start(self, event: dict, retry: int) -> None:
        process = self.function.invoke(event, _about(event), partial(self._done, event, retry))
        self.function.world.history.add(process.name, f"starts, retry {retry}" if retry else "starts")

    def _done(self, event: dict, retry: int, outcome: Outcome) -> None:
        world = self.function.world
        if not outcome.error:
            return
        if retry < ASYNC_RETRIES:
            world.scheduler.at(RETRY_AFTER[retry], partial(self._start, event, retry + 1))
        else:
            world.history.add(self.function.name, f"gives up {_about(event)}")
            self.given_up.append(event)


def _about(event: dict) -> str:
    """Name an event of an upload, or a continuation."""
    number = event.get("continuation", {}).get("invocation", 1)
    return f"{event['detail']['object']['key']}, part {number}"
