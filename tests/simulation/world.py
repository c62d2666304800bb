"""The platform with its clients, in one process: `run(choices)` is one run of it."""

import importlib
import itertools
import json
import os
import re
from collections import Counter
from contextlib import ExitStack
from typing import NamedTuple
from unittest.mock import patch

from contract.routes import ROUTES
from handlers import clients, configuration
from tests.simulation import dynamodb, seams
from tests.simulation.bucket import Bucket, Topic
from tests.simulation.calls import Client
from tests.simulation.checker import Checker
from tests.simulation.choices import Choices
from tests.simulation.expressions import Item
from tests.simulation.functions import HOUR, SKEWS, AsyncInvocations, Function, QueuePoller
from tests.simulation.history import History, Step, Violation
from tests.simulation.queues import Queue, Sqs
from tests.simulation.releases import Releases
from tests.simulation.scheduler import START, Process, Scheduler
from tests.simulation.settings import Outages, Settings
from tests.simulation.stream import Stream

MARK = re.compile(r"order-\d+(?:-\d+)?")
QUEUE, DEAD_LETTERS, UNANNOUNCED = "queue", "dead letters", "unannounced"
ENVIRONMENT = {
    "TABLE_NAME": "orders",
    "ORDER_QUEUE_URL": QUEUE,
    "ORDER_DEAD_LETTER_QUEUE_URL": DEAD_LETTERS,
    "ORDER_EVENTS_DEAD_LETTER_QUEUE_URL": UNANNOUNCED,
    "ORDER_EVENTS_TOPIC_ARN": "topic",
    "API_CONFIG_PARAMETER": "api-config",
    "FEATURE_FLAGS_PARAMETER": "feature-flags",
    "ALLOWED_ORIGINS": "*",
    "ORDER_TTL_DAYS": "90",
}
CALM_AFTER = 0.5 * HOUR  # no more faults
SETTLED_AFTER = 12 * HOUR  # after that
DAY = 24 * HOUR
LATER_DAYS = (0, 1.1, 2.5, 12)


class Run(NamedTuple):
    violation: Violation | None
    history: list[Step]
    choices: dict[str, int | str]


class World:
    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.scheduler = Scheduler()
        self.history = History(self.scheduler)
        self.checker = Checker(self)
        self.settings, self.outages = Settings(self), Outages(self)
        self.sequence_numbers = itertools.count(1)
        self._names: Counter[str] = Counter()
        self.processes: dict[str, Process] = {}  # by the name of the invocation under way
        self.actor = ""  # whose call takes effect
        self.table = dynamodb.Table(self._changed, self.strike)
        self.bucket, self.topic = Bucket(self), Topic(self)
        self.functions = {name: self._function(name) for name in seams.FUNCTIONS}
        self.releases = Releases(self)
        self._queues()

    def _function(self, name: str) -> Function:
        return Function(self, name, importlib.import_module(f"handlers.{name}").handler, seams.TIMEOUTS[name] * 1000)

    def _queues(self) -> None:
        visibility = seams.VISIBILITY_SECONDS * 1000
        self.dead_letters = Queue(self, DEAD_LETTERS, 30_000, 0)
        self.queue = Queue(self, QUEUE, visibility, seams.MAX_RECEIVES, self.dead_letters)
        self.unannounced = Queue(self, UNANNOUNCED, 30_000, 0)
        self.sqs = Sqs(self, {queue.name: queue for queue in (self.queue, self.dead_letters, self.unannounced)})
        self.poller = QueuePoller(self.functions["orders_worker"], self.queue, 10, 3, 100)
        self.stream = Stream(self, self.functions["orders_events"], 6 * HOUR)
        self.imports = AsyncInvocations(self.functions["orders_import"])

    # What the handlers' clients reach.

    def client(self, service: str, timeout_ms: float, retries: int) -> Client:
        operations = {
            "dynamodb": self.table.operations,
            "sqs": self.sqs.operations,
            "sns": self.topic.operations,
            "s3": self.bucket.operations,
            "lambda": {"invoke": self._invoke_async},
            "ssm": {"get_parameters": self.settings.get_parameters},
        }[service]
        return Client(self, service, operations, timeout_ms, retries, dynamodb.EXCEPTIONS)

    def _invoke_async(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict:
        self.imports.accept(json.loads(Payload))
        return {"StatusCode": 202}

    def _changed(self, old: Item | None, new: Item | None) -> None:
        self.checker.changed(old, new)
        self.stream.append(old, new)

    def strike(self, kind: str, writes: int) -> int | None:
        """Return which of the writes of a call fails alone."""
        key = f"{self.actor}, one write"
        return self.choices.number("detail", key, writes) if self.choices.fault(key, (kind,)) else None

    # Processes.

    def unique(self, name: str) -> str:
        """Return `name`, with a number from the second time on."""
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name} ({self._names[name]})"

    def new_process(self, function: str, invocation: str) -> Process:
        process = Process(self.scheduler, self._install)
        release = self.releases.of(function, invocation)
        process.skew = SKEWS[self.choices.number("skew", invocation, 5)]
        process.state = {"cache": {}, "release": release}
        return process

    def _install(self, process: Process) -> None:
        configuration._cache = process.state["cache"]
        self.releases.install(process.state["release"])

    def process_named(self, name: str) -> Process | None:
        return self.processes.get(name)

    def kill(self, process: Process, why: str) -> None:
        """Kill the process of the running task."""
        self.scheduler.at(0, lambda: self.kill_now(process, why))
        self.scheduler.suspend()

    def kill_now(self, process: Process, why: str) -> None:
        """Kill a process from outside."""
        if not process.dead:
            self.history.add(process.name, why)
            process.kill()
            process.state["finish"]()

    def marks_in(self, text: str) -> frozenset[str]:
        return frozenset(MARK.findall(text))

    def route(self, event: dict) -> Function:
        owners = {(route.method, route.path): route.function for route in ROUTES}
        return self.functions[owners[event["httpMethod"], event["resource"]]]


def run(choices: Choices) -> Run:
    """Run the platform until nothing is left to do; return the first rule that is broken."""
    world = World(choices)
    violation = None
    with ExitStack() as stack:
        stack.enter_context(seams.installed(world.scheduler))
        stack.enter_context(patch.dict(os.environ, ENVIRONMENT | {"ORDER_TTL_DAYS": world.releases.ttl_days}))
        for name, service in (("dynamodb", "dynamodb"), ("sqs", "sqs")):
            made = lambda timeout_ms, retries, service=service: world.client(service, timeout_ms, retries)  # noqa: E731
            stack.enter_context(patch.object(clients, name, made))
        for name, service, timeout_ms, retries in (
            ("sns", "sns", 5_000, 2),
            ("s3", "s3", 10_000, 2),
            ("functions", "lambda", 5_000, 2),
            ("ssm", "ssm", 1_000, 1),
        ):
            fixed = world.client(service, timeout_ms, retries)
            stack.enter_context(patch.object(clients, name, lambda fixed=fixed: fixed))
        try:
            _all_phases(world)
        except Violation as broken:
            violation = broken
            world.history.add("checker", str(broken))
        finally:
            for process in [*world.processes.values()]:
                process.kill()  # or the garbage collector ends its tasks, later and outside
            world.releases.restore()
    return Run(violation, world.history.steps, choices.made)


def _all_phases(world: World) -> None:
    """Half an hour of faults, half a day without; then perhaps some days pass, and who was away comes back."""
    from tests.simulation.workload import Workload

    workload = Workload(world)
    workload.schedule()
    world.scheduler.run(START + CALM_AFTER)
    world.choices.calm = True
    world.releases.finish()
    world.scheduler.run(START + CALM_AFTER + SETTLED_AFTER)
    days = LATER_DAYS[world.choices.number("later", "days", len(LATER_DAYS))]
    if days:
        world.scheduler.now += days * DAY
        world.history.add("time", f"passes: {days} days")
        world.table.expire(world.scheduler.now / 1000)
    workload.come_back()
    world.scheduler.run(world.scheduler.now + SETTLED_AFTER)
    world.checker.at_the_end()
