"""Lambda's poller of one shard of a DynamoDB stream, as AWS documents it.

From "Using Lambda to process records from DynamoDB streams": a batch is retried until it succeeds, before
any later record; a partial failure moves the checkpoint to the lowest sequence number reported, and the records from
there on are retried; if the function fails, its batch is halved, which does not count as a retry; when no retries are
left, the batch goes to the on-failure destination as a range of sequence numbers, and the next batch follows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

CONTEXT = SimpleNamespace(aws_request_id="lambda-request-1", get_remaining_time_in_millis=lambda: 60_000)


@dataclass
class StreamPoller:
    """`discarded` is the on-failure destination; `invocations` the sequence numbers of each call."""

    handler: Callable[[dict, object], dict]
    batch_size: int = 100
    retries: int = 3
    bisect: bool = True
    discarded: list[dict] = field(default_factory=list)
    invocations: list[list[str]] = field(default_factory=list)

    def run(self, records: list[dict]) -> None:
        """Process the records of a shard to its end."""
        for start in range(0, len(records), self.batch_size):
            self._process(records[start : start + self.batch_size])

    def _process(self, batch: list[dict], attempt: int = 0) -> None:
        while batch:
            try:
                rest = self._rest(batch, self._invoke(batch))
            except Exception:
                rest = batch
                if self.bisect and len(batch) > 1:
                    middle = (len(batch) + 1) // 2
                    self._process(batch[:middle], attempt)
                    self._process(batch[middle:], attempt)
                    return
            # Only progress makes it another batch, with a new count of retries.
            attempt = attempt + 1 if len(rest) == len(batch) else 0
            if attempt > self.retries:
                self.discarded.append(self._record_of_failure(rest, attempt))
                return
            batch = rest

    def _invoke(self, batch: list[dict]) -> object:
        self.invocations.append([number(record) for record in batch])
        return self.handler({"Records": batch}, CONTEXT)

    @staticmethod
    def _rest(batch: list[dict], response: object) -> list[dict]:
        """Return the records to retry."""
        if not response or not response.get("batchItemFailures"):
            return []
        reported = [failure.get("itemIdentifier") for failure in response["batchItemFailures"]]
        known = [number(record) for record in batch]
        if any(identifier not in known for identifier in reported):
            return batch  # empty, null or unknown: a complete failure
        lowest = min(reported, key=int)
        return batch[known.index(lowest) :]

    @staticmethod
    def _record_of_failure(batch: list[dict], attempts: int) -> dict:
        return {
            "requestContext": {"condition": "RetryAttemptsExhausted", "approximateInvokeCount": attempts},
            "DDBStreamBatchInfo": {
                "shardId": "shardId-00000001",
                "startSequenceNumber": number(batch[0]),
                "endSequenceNumber": number(batch[-1]),
                "batchSize": len(batch),
                "streamArn": batch[0]["eventSourceARN"],
            },
        }


def number(record: dict) -> str:
    return record["dynamodb"]["SequenceNumber"]
