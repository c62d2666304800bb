"""`--dlq` and `--redrive`: show a dead-letter queue, and move its messages back to their source."""

from collections import Counter
from pathlib import Path

from deployer import connection
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show import bars
from deployer.show.ui import Ui, ask, can_ask
from operations.queues import dead_letters, lookup, redrive
from operations.queues.dead_letters import DeadLetter
from operations.queues.lookup import Queue

SHOWN = 50
"""Messages that are read at most, to show them or to count their reasons."""

NAMED = 5
"""Orders of a message that are named; JSON names all."""


def show(options: Options, ui: Ui, root: Path) -> dict:
    """Show the messages without their bodies: they hold personal data, and terminals are logged. JSON has them."""
    aws, stack = connection.deployed(ui, options, root)
    queue = lookup.dead_letter_queue(lookup.of_stack(aws, stack), options.queue)
    messages = _read(aws, ui, queue)
    for message in messages:
        ui.line(f"{message.sent:%Y-%m-%d %H:%M:%S} UTC  {_why(message)}", "bold")
        ui.line(
            f"  {_orders(message)}receive count {message.receives} · {message.size} bytes · message {message.message_id}"
        )
    more = max(queue.waiting - len(messages), 0)
    if more:
        ui.line(f"and about {more} more")
    _in_flight(ui, queue)
    return {
        "result": "listed",
        "queue": queue.logical_id,
        "messages": [message.as_json() for message in messages],
        "more": more,
        "inFlight": queue.in_flight,
    }


def redrive_queue(options: Options, ui: Ui, root: Path) -> dict:
    """Move the messages to the queue or function that they came from, after confirmation."""
    if not (options.yes or can_ask()):
        raise Failure(
            Exit.REFUSED,
            "confirmation required, but stdin is not a terminal; nothing was moved",
            "check with --dlq, then add --yes",
        )
    aws, stack = connection.deployed(ui, options, root)
    known = lookup.of_stack(aws, stack)
    queue = lookup.dead_letter_queue(known, options.queue)
    source, move = redrive.destination(aws, stack, known, queue)
    messages = _read(aws, ui, queue)
    _in_flight(ui, queue)
    number = max(queue.waiting, len(messages)) if messages else 0
    if not number:
        return _report(aws, queue, 0)
    _reasons(ui, messages, number)
    if not options.yes and not ask(f"Move about {number} messages from {queue.logical_id} to {source}?"):
        raise Failure(Exit.REFUSED, "not confirmed; nothing was moved")
    with _progress(ui) as on_progress:
        outcome = move(number, on_progress)
    report = _report(aws, queue, outcome.moved)
    ui.line(f"{ui.ok} Moved      {outcome.moved} to {source}; about {report['remaining']} are in {queue.logical_id}")
    if outcome.kept or outcome.duplicated:
        raise Failure(
            Exit.FAILED,
            f"{outcome.moved} messages were moved, but {outcome.kept} could not be sent and {outcome.duplicated} "
            f"not be deleted from {queue.logical_id}",
            "check with --dlq, and run this command again; an order that is sent twice is stored once",
        )
    return report


def _read(aws: Aws, ui: Ui, queue: Queue) -> list[DeadLetter]:
    with ui.step("Queue") as step:
        messages = dead_letters.peek(aws.client("sqs"), queue.url, SHOWN)
        number = max(queue.waiting, len(messages)) if messages else 0
        step.result = f"{queue.logical_id} " + (f"holds {_messages(number)}" if number else "is empty")
    return messages


def _in_flight(ui: Ui, queue: Queue) -> None:
    if queue.in_flight:
        ui.warn(f"{_messages(queue.in_flight)} in flight: another process is reading or moving them")


def _reasons(ui: Ui, messages: list[DeadLetter], number: int) -> None:
    for (reason, rejected), count in Counter((message.reason, message.rejected) for message in messages).most_common():
        ui.line(f"  {count:>4} {reason}" + (" (rejected permanently)" if rejected else ""))
    if number > len(messages):
        ui.line(f"  of the {len(messages)} that were read; there are about {number}")
    if any(message.rejected for message in messages):
        ui.warn("permanently rejected messages return at once unless their cause is fixed")


def _progress(ui: Ui):
    from rich.progress import MofNCompleteColumn

    return bars.bar(ui, "Move", [MofNCompleteColumn()], lambda moved, number: f"moved {moved} of about {number}")


def _report(aws: Aws, queue: Queue, moved: int) -> dict:
    """Messages in flight count as remaining: they have not been deleted."""
    now = lookup.read(aws, queue.logical_id, queue.url)
    remaining = now.waiting + now.in_flight
    return {"result": "moved", "queue": queue.logical_id, "moved": moved, "remaining": remaining}


def _why(message: DeadLetter) -> str:
    return message.reason + (f": {message.detail}" if message.detail else "")


def _orders(message: DeadLetter) -> str:
    ids = [order_id for order_id in message.orders if order_id]
    if len(message.orders) < 2:
        return f"order {ids[0]} · " if ids else ""
    named = ids[:NAMED]
    others = [f"and {len(message.orders) - len(named)} more"] if len(message.orders) > len(named) else []
    shown = f"{', '.join(named)} {' '.join(others)}".strip() if named else "without an id"
    return f"{len(message.orders)} orders: {shown} · "


def _messages(number: int) -> str:
    return f"{number} message{'s' * (number != 1)}"
