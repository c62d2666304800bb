"""The import's continuations: those of earlier versions are continued, those of later versions never.

`golden/continuations` has the events of each released version, after two of five records, with the file.
Golden files are added, never changed and never removed.
"""

import base64
import copy
import json
from pathlib import Path

import pytest

from domain import imports
from domain.callers import Caller
from handlers import orders_import
from handlers.orders_import import ImportFailed
from tests.unit.handlers.importing import Context, World
from tests.unit.handlers.test_orders_import_continuation import bad, good

DIRECTORY = Path(__file__).parent / "golden" / "continuations"
GOLDEN = {path.stem: json.loads(path.read_text()) for path in sorted(DIRECTORY.glob("*.json"))}
NEWEST = [
    name for name, each in GOLDEN.items() if each["event"]["continuation"].get("version", 0) == imports.CONTINUATION
]
WHAT_TO_DO = (
    "The continuation has changed: raise domain.imports.CONTINUATION, add golden files of it to"
    f" {DIRECTORY}, and leave the others as they are: events like them are in Lambda's queues and in OrderImportDLQ."
)


def world_of(golden):
    return World(base64.b64decode(golden["file"]), golden["event"]["detail"]["object"]["key"])


def test_each_released_version_has_its_golden_continuations():
    versions = {each["event"]["continuation"].get("version", 0) for each in GOLDEN.values()}
    assert versions == set(range(imports.CONTINUATION + 1)), WHAT_TO_DO


@pytest.mark.parametrize("name", GOLDEN)
def test_a_file_is_resumed_from_the_continuation_of_any_released_version(name):
    event = copy.deepcopy(GOLDEN[name]["event"])
    key = event["detail"]["object"]["key"]
    with world_of(GOLDEN[name]) as world:
        world.run(event)
        report = world.report(key)
        rejected = [
            json.loads(line) for each in report["rejectedFiles"][1:] for line in world.objects[each, None].splitlines()
        ]
    caller = Caller(partner=event["continuation"].get("partner"))
    assert world.queued_ids() == [caller.qualified(each) for each in good(5)[1:]]  # the first is on the queue already
    assert [line["record"] for line in rejected] == bad(5)[1:]
    counts = [report[count] for count in ("status", "read", "queued", "rejected", "invocations")]
    assert counts == ["completed", 5, 3, 2, 2]


@pytest.mark.parametrize("name", NEWEST)
def test_continuations_equal_the_newest_golden_ones(monkeypatch, name):
    monkeypatch.setattr(orders_import, "_now", lambda: 1_767_323_045_678)
    expected = GOLDEN[name]["event"]
    fresh = {key: value for key, value in expected.items() if key != "continuation"}
    with world_of(GOLDEN[name]) as world:
        world.run(fresh, Context(2))
    assert json.loads(world.payloads[0]) == expected, WHAT_TO_DO


@pytest.mark.parametrize(
    "place, value, reason",
    [
        (
            "version",
            imports.CONTINUATION + 1,
            f"continuation: its version is newer than {imports.CONTINUATION}, the newest known here",
        ),
        ("skipped", 7, "continuation: skipped: not known here"),
        ("position.sheet", 2, "continuation: position.sheet: not known here"),
        ("position.format", "parquet", "continuation: position.format: not known here"),
    ],
)
@pytest.mark.parametrize("name", GOLDEN)
def test_a_continuation_of_a_later_version_is_raised_for_lambda_to_keep(name, place, value, reason):
    event = copy.deepcopy(GOLDEN[name]["event"])
    *outer, field = place.split(".")
    (event["continuation"][outer[0]] if outer else event["continuation"])[field] = value
    with world_of(GOLDEN[name]) as world, pytest.raises(ImportFailed) as failed:
        world.run(event)
    assert str(failed.value) == reason
    assert len(world.objects) == 1 and not world.bodies and not world.payloads, "nothing is written, sent or invoked"
