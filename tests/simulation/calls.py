"""A call to AWS: it travels, takes effect at one moment, and its answer travels back. Each part can fail.

The retries are those of botocore's standard mode, which the real clients have.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from tests.simulation.scheduler import Future, Killed

if TYPE_CHECKING:
    from tests.simulation.world import World

LATENCIES = (5, 1, 2, 9, 40, 300, 2_500)  # ms, each way; the first is the default
FAULTS = (
    "throttled",
    "server error",
    "unreachable",
    "error after effect",
    "answer lost",
    "late effect",
    "killed before",
    "killed after",
)
_EFFECTIVE = {"", "error after effect", "answer lost", "killed after"}
THROTTLED = {
    "dynamodb": "ThrottlingException",
    "s3": "SlowDown",
    "sns": "Throttled",
    "lambda": "TooManyRequestsException",
}
_RETRIED = {*THROTTLED.values(), "RequestThrottled", "TransactionInProgressException", "InternalServerError"}


class Client:
    """A client of a service; `operations` by the name of the SDK's method."""

    def __init__(
        self,
        world: "World",
        service: str,
        operations: dict[str, Callable[..., Any]],
        timeout_ms: float,
        retries: int,
        exceptions: Any,
    ) -> None:
        self.world, self.service, self.operations = world, service, operations
        self.timeout_ms, self.attempts, self.exceptions = timeout_ms, retries + 1, exceptions

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return partial(self._call, method, self.operations[method])

    def _call(self, method: str, effect: Callable[..., Any], **arguments: Any) -> Any:
        effect = partial(effect, **arguments)
        if method == "transact_write_items":
            effect = _once(effect)
        for attempt in range(1, self.attempts + 1):
            try:
                return self._attempt(method, effect)
            except (ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError) as error:
                code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
                if attempt == self.attempts or (code and code not in _RETRIED):
                    raise
            self.world.scheduler.sleep(min(500 * 2 ** (attempt - 1), 20_000))
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, method: str, effect: Callable[[], Any]) -> Any:
        world, process = self.world, self.world.scheduler.process
        if process.dead:
            raise Killed
        key = f"{process.name} {method}"
        if process.spent:
            spent, process.spent = process.spent, 0
            world.scheduler.sleep(spent)
        fault = world.outages.of(self.service) or world.choices.fault(key, FAULTS)
        there = LATENCIES[world.choices.number("latency", key, len(LATENCIES))]
        back = LATENCIES[world.choices.number("latency", f"answer to {key}", len(LATENCIES))]
        answer = Future(world.scheduler)
        if fault == "late effect":
            there = self.timeout_ms * 3
        if fault in _EFFECTIVE or fault == "late effect":
            world.scheduler.at(there, partial(self._apply, process.name, method, effect, answer, back, fault))
        else:
            world.scheduler.at(there, partial(self._fail, process.name, method, answer, fault))
        if fault == "killed before":
            world.kill(process, f"is killed before {method}")
        if not answer.wait(self.timeout_ms):
            world.history.add(process.name, f"{method}: no answer in {self.timeout_ms:g} ms")
            raise ReadTimeoutError(endpoint_url=self.service)
        return answer.result()

    def _apply(
        self,
        actor: str,
        method: str,
        effect: Callable[[], Any],
        answer: Future,
        back: float,
        fault: str,
    ) -> None:
        """Let the call take effect, in one step."""
        world = self.world
        world.actor = actor
        process = world.process_named(actor)
        try:
            value, error = effect(), None
        except ClientError as refusal:
            value, error = None, refusal
        outcome = "takes effect" if error is None else error.response["Error"]["Code"]
        world.history.add(actor, f"{method}: {outcome}" + (f" ({fault})" if fault else ""))
        if fault == "answer lost":
            return
        if fault == "killed after":
            if process is not None:
                world.kill_now(process, f"is killed after {method}")
            return
        if fault == "error after effect":
            value, error = None, _error("InternalServerError", method, 500)
        world.scheduler.at(back, lambda: answer.settle(value, error))

    def _fail(self, actor: str, method: str, answer: Future, fault: str) -> None:
        self.world.history.add(actor, f"{method}: {fault}")
        if fault == "throttled":
            answer.settle(None, _error(THROTTLED.get(self.service, "RequestThrottled"), method, 400))
        elif fault == "server error":
            answer.settle(None, _error("InternalServerError", method, 500))
        elif fault == "unreachable":
            answer.settle(None, EndpointConnectionError(endpoint_url=self.service))


def _once(effect: Callable[[], Any]) -> Callable[[], Any]:
    """Return `effect` with the SDK's ClientRequestToken: a repetition of what has taken effect succeeds."""
    answers: list[Any] = []

    def take_effect() -> Any:
        if not answers:
            answers.append(effect())
        return answers[0]

    return take_effect


def _error(code: str, method: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, method)
