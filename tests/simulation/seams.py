"""What the handlers see in the place of the machine: the virtual clock, threads that are tasks, ids that repeat.

`installed` replaces the names in the modules of handlers/ and domain/; nothing in these modules is written for it.
"""

import importlib
import pkgutil
import random
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import domain
import handlers
from generator import functions, queue_resources
from handlers import bulk, configuration, emf, telemetry
from tests.simulation.scheduler import Future, Killed, Scheduler

FUNCTIONS = tuple(function.key for function in functions.FUNCTIONS)
TIMEOUTS = {function.key: function.timeout for function in functions.FUNCTIONS}  # seconds
VISIBILITY_SECONDS = queue_resources._visibility_timeout(functions.ORDER_QUEUE)
MAX_RECEIVES = queue_resources.MAX_RECEIVES


@cache
def modules() -> tuple[Any, ...]:
    """Import all modules of handlers/ and domain/, and return them."""
    names = [
        f"{package.__name__}.{each.name}"
        for package in (handlers, domain)
        for each in pkgutil.iter_modules(package.__path__)
    ]
    return tuple(importlib.import_module(name) for name in names)


class Clock:
    """In the place of `time`."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler

    def monotonic(self) -> float:
        return (self.scheduler.now + self.scheduler.process.spent) / 1000

    perf_counter = monotonic

    def time(self) -> float:
        return self.monotonic() + self.scheduler.process.skew / 1000

    def time_ns(self) -> int:
        process = self.scheduler.process
        return int((self.scheduler.now + process.spent + process.skew) * 1_000_000)

    def sleep(self, seconds: float) -> None:
        self.scheduler.sleep(seconds * 1000)


class Pool:
    """In the place of ThreadPoolExecutor; without its limit."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.futures: list[Future] = []

    def submit(self, function: Callable, *arguments: object) -> Future:
        future = self.scheduler.spawn(self.scheduler.process, lambda: function(*arguments))
        self.futures.append(future)
        return future

    def shutdown(self, wait: bool = True, cancel_futures: bool = False) -> None:
        for future in self.futures:
            future.wait()

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, kind: type | None, *rest: object) -> None:
        if kind is not Killed:
            self.shutdown()


class Event:
    """In the place of threading.Event."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.future = Future(scheduler)

    def set(self) -> None:
        self.future.settle(True)

    def wait(self, seconds: float) -> bool:
        return self.future.wait(seconds * 1000)


class Ids:
    """Random bits that are the same in each run, and differ from each other."""

    def __init__(self) -> None:
        self.number = 0

    def bits(self, count: int) -> int:
        self.number += 1
        return random.Random(self.number).getrandbits(count)

    def uuid4(self) -> uuid.UUID:
        return uuid.UUID(int=self.bits(128), version=4)


class Silence:
    """In the place of the logger: formatting lines takes most of a run."""

    def __getattr__(self, name: str) -> Callable:
        return lambda *arguments, **options: None


@contextmanager
def installed(scheduler: Scheduler) -> Iterator[None]:
    ids = Ids()
    replacements = {
        id(time): Clock(scheduler),
        # Jitter is no choice: latencies already put calls in any order.
        id(random): SimpleNamespace(uniform=lambda low, high: (low + high) / 2),
        id(secrets): SimpleNamespace(randbits=ids.bits),
        id(uuid): SimpleNamespace(uuid4=ids.uuid4, UUID=uuid.UUID),
        id(threading): SimpleNamespace(Event=lambda: Event(scheduler)),
        id(ThreadPoolExecutor): lambda *size: Pool(scheduler),
    }
    with ExitStack() as stack:
        for module in modules():
            for name, value in [*vars(module).items()]:
                if id(value) in replacements:
                    stack.enter_context(patch.object(module, name, replacements[id(value)]))
        stack.enter_context(patch.object(bulk, "_pool", Pool(scheduler)))
        stack.enter_context(patch.object(telemetry, "logger", Silence()))
        stack.enter_context(patch.object(emf, "flush", lambda: emf._documents.clear()))
        stack.enter_context(patch.object(configuration, "_cache", {}))
        yield
