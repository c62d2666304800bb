"""The commands for dead-letter queues: which queue is meant, who is asked first, what the command line takes."""

import json

import pytest

from config.environment import load
from deployer import cli
from deployer.errors import Exit
from deployer.preflight import account_state as preflight
from operations.queues import command, lookup

# --- which queue --------------------------------------------------------------------------------------


def test_queues_are_found_through_nested_stacks(world):
    found = lookup.of_stack(world.aws, preflight.deployed(world.aws, load("dev")))
    assert set(found) == {"OrderQueue", "OrderQueueDLQ", "OrderEventsDLQ", "OrderImportDLQ"}
    assert lookup.source_of(found, found["OrderQueueDLQ"]).logical_id == "OrderQueue"


def test_not_deployed_is_told_with_the_place_that_was_looked_at(bare):
    failure = bare.refused(command.show)
    assert failure.code is Exit.PREFLIGHT
    assert "dev is not deployed in account 123456789012, us-east-1" in failure.message


def test_an_unknown_queue_names_the_known_ones(world):
    failure = world.refused(command.show, "Orders")
    assert failure.code is Exit.USAGE and "'Orders'" in failure.message
    assert failure.hint == "its dead-letter queues: OrderEventsDLQ, OrderImportDLQ, OrderQueueDLQ"


def test_case_does_not_matter(world):
    assert world.run(command.show, "orderqueuedlq")["queue"] == "OrderQueueDLQ"


@pytest.mark.parametrize("command", [command.show, command.redrive_queue])
def test_a_queue_in_use_is_not_received_from(world, command):
    world.put("{}", "OrderQueue")
    failure = world.refused(command, "OrderQueue")
    assert failure.code is Exit.USAGE and "OrderQueue is not a dead-letter queue" in failure.message
    assert "ReceiveMessage" not in world.calls


def test_a_queue_that_functions_send_to_says_what_to_do_instead(world):
    world.put("{}", "OrderEventsDLQ")
    failure = world.refused(command.redrive_queue, "OrderEventsDLQ")
    assert failure.code is Exit.USAGE and "cannot be redriven" in failure.message
    assert "read the log of orders-events" in failure.hint
    assert "ReceiveMessage" not in world.calls


# --- asking -------------------------------------------------------------------------------------------


def test_nobody_to_ask_is_refused_before_anything(world):
    world.put("{}")
    world.calls.clear()
    assert world.refused(command.redrive_queue, yes=False).code is Exit.REFUSED
    assert world.calls == []


@pytest.mark.parametrize("answer", [True, False])
def test_the_answer_decides_and_the_question_has_the_number(world, monkeypatch, answer):
    world.put("{}")
    asked = []
    monkeypatch.setattr(command, "can_ask", lambda: True)
    monkeypatch.setattr(command, "ask", lambda question: asked.append(question) or answer)
    if answer:
        assert world.run(command.redrive_queue, yes=False)["moved"] == 1
    else:
        assert world.refused(command.redrive_queue, yes=False).code is Exit.REFUSED
        assert "SendMessageBatch" not in world.calls
    assert asked == ["Move about 1 messages from OrderQueueDLQ to OrderQueue?"]


def test_an_empty_queue_is_not_asked_about(world, monkeypatch):
    monkeypatch.setattr(command, "can_ask", lambda: True)
    monkeypatch.setattr(command, "ask", lambda question: pytest.fail("asked"))
    assert world.run(command.redrive_queue, yes=False)["moved"] == 0


# --- the command line -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["--dlq", "Q", "--redrive", "Q"],
        ["--dlq", "Q", "--plan"],
        ["--redrive", "Q", "--allow-replace", "X"],
        ["--dlq", "Q", "--local", "--stop"],
        ["--redrive", "Q", "--outputs-file", "f"],
        ["--import", "f", "--dlq", "Q"],
        ["--import", "f", "--redrive", "Q"],
        ["--import", "f", "--plan"],
        ["--import", "f", "--local", "--stop"],
        ["--import", "f", "--allow-replace", "X"],
        ["--import", "f", "--outputs-file", "f"],
    ],
)
def test_what_does_not_go_together_is_refused(capsys, arguments):
    with pytest.raises(SystemExit) as end:
        cli.main(["--env", "dev", *arguments])
    assert end.value.code == Exit.USAGE
    assert "do not go together" in capsys.readouterr().err


def test_the_document_is_alone_on_stdout(world, capsys):
    world.put('{"orderId": "o-1"}')
    assert cli.main(["--env", "dev", "--dlq", "OrderQueueDLQ", "--output", "json"]) == Exit.OK
    said = capsys.readouterr()
    assert json.loads(said.out)["messages"][0]["orderId"] == "o-1"
    assert "holds 1 message" in said.err


def test_redrive_from_the_command_line(world, capsys):
    world.put("{}")
    assert cli.main(["--env", "dev", "--redrive", "OrderQueueDLQ", "--yes"]) == Exit.OK
    assert "Moved      1 to OrderQueue; about 0 are in OrderQueueDLQ" in capsys.readouterr().out
