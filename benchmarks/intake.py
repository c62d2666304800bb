"""Messages of the order queue as this version writes them: what `POST /orders/async` sends, without sending it."""

import importlib
from types import SimpleNamespace

from benchmarks.calls_kit import event, run_here
from handlers import clients


class Intake:
    """Runs orders_intake in this process, with the environment of the deployed one."""

    def __init__(self, outputs: dict) -> None:
        run_here(outputs, "OrdersIntakeFunction")
        self._kept: list[dict] | None = None
        # Before the handler is imported: a client has the hooks that its session had when it was created.
        clients._session().register("provide-client-params.sqs.SendMessage", self._keep)
        clients._session().register("before-call.sqs.SendMessage", self._answer)
        self._handler = importlib.import_module("handlers.orders_intake").handler

    def message(self, order: dict) -> dict:
        """Return the parameters of SendMessage for an order, but for the queue."""
        self._kept = []
        try:
            self.submit(order)
            [message] = self._kept
        finally:
            self._kept = None
        return {name: value for name, value in message.items() if name != "QueueUrl"}

    def submit(self, order: dict) -> None:
        answer = self._handler(event("POST", "/orders/async", order), None)
        if answer["statusCode"] != 202:
            raise SystemExit(f"POST /orders/async: {answer['statusCode']} {answer['body']}")

    def _keep(self, params: dict, **_: object) -> None:
        if self._kept is not None:
            self._kept.append(params)

    def _answer(self, **_: object) -> tuple | None:
        """Answer instead of SQS while a message is kept."""
        return None if self._kept is None else (SimpleNamespace(status_code=200), {"MessageId": "kept"})
