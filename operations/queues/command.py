"""`--dlq` and `--redrive`: look into a dead-letter queue, and send back what is in it. Neither deploys."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from deployer import connection
from deployer.aws import waiting
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show import bars
from deployer.show.ui import Ui, ask, can_ask
from operations.queues import dead_letters, lookup, redrive
from operations.queues.dead_letters import Letter
from operations.queues.lookup import Queue

SHOWN = 50
"""So many messages are read, to show them or to count their reasons."""


def show(options: Options, ui: Ui, root: Path) -> dict:
    """What is in the queue, without a body: that is somebody's order, and terminals are logged. The document has it."""
    aws, stack = connection.deployed(ui, options, root)
    queue = lookup.dead_letter_queue(lookup.of_stack(aws, stack), options.queue)
    letters = _read(aws, ui, queue)
    for letter in letters:
        ui.line(f"{letter.sent:%Y-%m-%d %H:%M:%S} UTC  {_why(letter)}", "bold")
        order = f"order {letter.order_id} · " if letter.order_id else ""
        ui.line(f"  {order}receive count {letter.receives} · {letter.size} bytes · message {letter.message_id}")
    more = max(queue.waiting - len(letters), 0)
    if more:
        ui.line(f"and about {more} more")
    _in_flight(ui, queue)
    return {
        "result": "listed",
        "queue": queue.logical_id,
        "messages": [letter.as_json() for letter in letters],
        "more": more,
        "inFlight": queue.in_flight,
    }


def send_back(options: Options, ui: Ui, root: Path) -> dict:
    """Move the queue's messages to the queue or the function they came from, after asking."""
    if not (options.yes or can_ask()):
        raise Failure(
            Exit.REFUSED, "nobody at a terminal to confirm it; nothing was moved", "look with --dlq, then add --yes"
        )
    aws, stack = connection.deployed(ui, options, root)
    known = lookup.of_stack(aws, stack)
    queue = lookup.dead_letter_queue(known, options.queue)
    source, move = _way_back(aws, stack, known, queue)
    letters = _read(aws, ui, queue)
    _in_flight(ui, queue)
    number = max(queue.waiting, len(letters)) if letters else 0
    if not number:
        return _report(aws, queue, 0)
    _reasons(ui, letters, number)
    if not options.yes and not ask(f"Move about {number} messages from {queue.logical_id} to {source}?"):
        raise Failure(Exit.REFUSED, "not confirmed; nothing was moved")
    with _progress(ui) as on_progress:
        outcome = move(number, on_progress)
    report = _report(aws, queue, outcome.moved)
    ui.line(f"{ui.ok} Moved      {outcome.moved} to {source}; about {report['remaining']} are in {queue.logical_id}")
    if outcome.kept or outcome.doubled:
        raise Failure(
            Exit.FAILED,
            f"{outcome.moved} messages were moved, but {outcome.kept} could not be sent and {outcome.doubled} "
            f"not be deleted from {queue.logical_id}",
            "look with --dlq, and run this command again; what is sent twice is recognised, and stored once",
        )
    return report


def _way_back(
    aws: Aws, stack: Mapping, known: Mapping[str, Queue], queue: Queue
) -> tuple[str, Callable[[int, bars.OnProgress], redrive.Outcome]]:
    """What the queue's messages came from, and what moves them there."""
    if function := lookup.function_of(stack, queue):
        return function, partial(redrive.invoke, aws.client("sqs"), aws.client("lambda"), queue, function)
    source = lookup.source_of(known, queue)
    polling = waiting.polling(aws)
    return source.logical_id, partial(redrive.run, aws.client("sqs"), queue, source, polling=polling)


def _read(aws: Aws, ui: Ui, queue: Queue) -> list[Letter]:
    with ui.step("Queue") as step:
        letters = dead_letters.peek(aws.client("sqs"), queue.url, SHOWN)
        number = max(queue.waiting, len(letters)) if letters else 0
        step.result = f"{queue.logical_id} " + (f"holds {_messages(number)}" if number else "is empty")
    return letters


def _in_flight(ui: Ui, queue: Queue) -> None:
    if queue.in_flight:
        ui.warn(f"{_messages(queue.in_flight)} in flight: somebody else is reading or moving them just now")


def _reasons(ui: Ui, letters: list[Letter], number: int) -> None:
    for (reason, rejected), count in Counter((letter.reason, letter.rejected) for letter in letters).most_common():
        ui.line(f"  {count:>4} {reason}" + (" (rejected for good)" if rejected else ""))
    if number > len(letters):
        ui.line(f"  of the {len(letters)} that were read; there are about {number}")
    if any(letter.rejected for letter in letters):
        ui.warn("what was rejected for good comes straight back, unless its cause has been mended")


def _progress(ui: Ui):
    from rich.progress import MofNCompleteColumn

    return bars.bar(ui, "Move", [MofNCompleteColumn()], lambda moved, number: f"moved {moved} of about {number}")


def _report(aws: Aws, queue: Queue, moved: int) -> dict:
    """In flight counts as remaining: nobody has taken it out."""
    now = lookup.read(aws, queue.logical_id, queue.url)
    remaining = now.waiting + now.in_flight
    return {"result": "moved", "queue": queue.logical_id, "moved": moved, "remaining": remaining}


def _why(letter: Letter) -> str:
    return letter.reason + (f": {letter.detail}" if letter.detail else "")


def _messages(number: int) -> str:
    return f"{number} message{'s' * (number != 1)}"
