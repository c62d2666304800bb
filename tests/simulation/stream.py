"""The table's stream and its poller: records of a shard in order, retries, bisection, an on-failure destination."""

from functools import partial
from typing import TYPE_CHECKING
from zlib import crc32

from tests.simulation.expressions import Item
from tests.simulation.functions import Function, Outcome

if TYPE_CHECKING:
    from tests.simulation.world import World

SHARDS = 2
DELAYS = (200, 3_000, 20_000)  # ms until the poller sees a record
FIRST_PAUSE, LONGEST_PAUSE = 1_000, 60_000


class Shard:
    """A shard and the one poller of it: no record is taken before those in front of it."""

    def __init__(self, world: "World", name: str, function: Function, max_age_ms: float) -> None:
        self.world, self.name, self.function = world, name, function
        self.max_age_ms = max_age_ms
        self.records: list[tuple[float, dict]] = []
        self.running = False
        self.most = 100  # records in a batch; halved after an error
        self.pause = FIRST_PAUSE

    def append(self, old: Item | None, new: Item | None) -> None:
        keys = {name: (new or old or {})[name] for name in ("orderId", "timestamp")}
        change = {"Keys": keys, "SequenceNumber": str(next(self.world.sequence_numbers))}
        change |= {"NewImage": {**new}} if new else {}
        change |= {"OldImage": {**old}} if old else {}
        kind = "REMOVE" if new is None else "INSERT" if old is None else "MODIFY"
        record = {"eventName": kind, "dynamodb": change, "eventSourceARN": "stream"}
        if kind == "REMOVE" or keys["timestamp"]["N"] == "0":
            return  # the event source's filter
        self.records.append((self.world.scheduler.now, record))
        delay = DELAYS[self.world.choices.number("delay", f"poll for {self._about(record)}", len(DELAYS))]
        self.world.scheduler.at(delay, self.poll)

    def poll(self) -> None:
        if self.running or not self.records:
            return
        taken = self.world.scheduler.now
        about = self._about(self.records[0][1])
        smaller = self.world.choices.number("batch size", about, 4)
        size = max(1, min(self.most, len(self.records)) - smaller)
        batch = [record for _, record in self.records[:size]]
        self.running = True
        process = self.function.invoke({"Records": batch}, about, partial(self._done, batch, taken))
        self.world.history.add(process.name, f"receives {len(batch)} records of {self.name}")

    def _about(self, record: dict) -> str:
        image = record["dynamodb"]["NewImage"]
        return f"{min(self.world.marks_in(str(image)), default='?')} version {image['version']['N']}"

    def _done(self, batch: list[dict], taken: float, outcome: Outcome) -> None:
        self.running = False
        finished = 0 if outcome.error else _finished(batch, outcome.value)
        del self.records[:finished]
        if outcome.error:
            self.most = max(1, len(batch) // 2)
        if finished:
            self.most, self.pause = 100, FIRST_PAUSE
        elif self.world.scheduler.now - self.records[0][0] > self.max_age_ms:
            self._give_up(batch)
        else:
            self.pause = min(2 * self.pause, LONGEST_PAUSE)
        self.world.scheduler.at(200 if finished else self.pause, self.poll)

    def _give_up(self, batch: list[dict]) -> None:
        self.world.history.add(self.name, f"gives up {len(batch)} records")
        for record in batch:
            self.world.checker.record_given_up(record)
        del self.records[: len(batch)]


def _finished(batch: list[dict], answer: dict | None) -> int:
    """Return how many records are done: those before the first that is reported."""
    numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
    failures = [each.get("itemIdentifier") for each in (answer or {}).get("batchItemFailures") or []]
    if any(failure not in numbers for failure in failures):
        return 0
    return min((numbers.index(failure) for failure in failures), default=len(batch))


class Stream:
    def __init__(self, world: "World", function: Function, max_age_ms: float) -> None:
        self.shards = [Shard(world, f"shard {n}", function, max_age_ms) for n in range(SHARDS)]

    def append(self, old: Item | None, new: Item | None) -> None:
        order_id = (new or old or {})["orderId"]["S"]
        self.shards[crc32(order_id.encode()) % SHARDS].append(old, new)
