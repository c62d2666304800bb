"""What the documents name, the project has: requirements, alarms, settings, queries and links cannot rot."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from troposphere import Ref

from config.environment import Environment, Monitoring
from deployer import arguments
from deployer.build import cfn_yaml
from examples import transcript
from generator import alarm_docs, alarms, queries
from generator.alarms.spec import Expression

PROJECT = Path(__file__).resolve().parents[2]
REQUIREMENTS = "docs/requirements.md"
SEEDS = ["002", "000", "001", "003", "004"]

Row = list[str]


def read(path: str) -> str:
    return (PROJECT / path).read_text(encoding="utf-8")


def section(path: str, title: str) -> str:
    (found,) = re.findall(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", read(path), re.MULTILINE | re.DOTALL)
    return found


def tables(text: str) -> list[list[Row]]:
    """Each with its cells, heads left out."""
    blocks = re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE)
    return [[[cell.strip() for cell in line[1:-1].split("|")] for line in block.splitlines()[2:]] for block in blocks]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@cache
def resources(stack: str) -> dict:
    path = PROJECT / "templates" / f"{stack}.yaml"
    return cfn_yaml.load(path.read_text(encoding="utf-8"))["Resources"] if path.is_file() else {}


@cache
def functions_in(path: str) -> set[str]:
    """`path` is below tests/."""
    file = PROJECT / "tests" / path
    if not file.is_file():
        return set()
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


def problems(row: Row) -> list[str]:
    """What is wrong with a row of the requirements."""
    if len(row) != 4:
        return [f"{len(row)} cells: {row}"]
    asked, where, proof, _ = row
    wrong = [f"{asked}: nothing is said" for cell in (asked, where, proof) if not cell]
    for name in named(where):
        stack, _, title = name.partition(".")
        exists = (PROJECT / name).is_file() if "/" in name else title in resources(stack)
        wrong += [] if exists else [f"{asked}: no {name}"]
    for name in named(proof):
        path, _, test = name.partition("::")
        wrong += [] if test.startswith("test_") and test in functions_in(path) else [f"{asked}: no test {name}"]
    # All of it is names: what is not could not be checked.
    return wrong + [f"{asked}: {cell}" for cell in (where, proof) if re.sub(r"`[^`]+`|\s", "", cell)]


def test_every_requirement_names_resources_and_tests_that_exist():
    rows = [row for table in tables(read(REQUIREMENTS)) for row in table]
    assert len(rows) > 50
    assert [problem for row in rows for problem in problems(row)] == []


def test_every_seed_has_its_table():
    assert re.findall(r"^## (\d+):", read(REQUIREMENTS), re.MULTILINE) == SEEDS
    assert len(tables(read(REQUIREMENTS))) == len(SEEDS)


@pytest.mark.parametrize(
    "row",
    [
        ["a", "`data.NoSuchTable`", "`unit/test_docs.py::test_every_seed_has_its_table`", ""],
        ["a", "`nowhere.OrdersTable`", "`unit/test_docs.py::test_every_seed_has_its_table`", ""],
        ["a", "`generator/nothing.py`", "`unit/test_docs.py::test_every_seed_has_its_table`", ""],
        ["a", "`data.OrdersTable`", "`unit/test_docs.py::test_that_there_is_none`", ""],
        ["a", "`data.OrdersTable`", "`unit/test_docs.py::problems`", ""],
        ["a", "`data.OrdersTable`", "", ""],
        ["a", "the table", "`unit/test_docs.py::test_every_seed_has_its_table`", ""],
    ],
)
def test_a_row_that_names_what_is_not_there_is_noticed(row):
    assert problems(row)


def test_every_notifying_alarm_is_a_page_or_a_ticket_and_none_is_both():
    pages, tickets = tables(section("docs/monitoring.md", "What wakes a person"))
    listed = [name for row in [*pages, *tickets] for name in named(row[0])]
    notifying = [spec.key for spec in [*alarms.inventory(), *alarms.composites()] if not spec.group]
    assert len(listed) == len(set(listed))
    assert set(notifying) - set(listed) == set(), "neither a page nor a ticket in docs/monitoring.md"
    assert set(listed) - set(notifying) == set(), "no alarm that notifies"


def test_every_limit_is_listed_with_its_default_and_the_alarms_it_raises():
    (table,) = tables(section("docs/monitoring.md", "Limits that can be configured"))
    keys = {alarm.key for alarm in alarms.inventory()}
    listed = {}
    for key, default, raised in table:
        listed[named(key)[0]] = default
        assert {name for name in named(raised) if "-" in name} <= keys, raised
    defaults = {name: field.default for name, field in Monitoring.model_fields.items()}
    assert listed == {name: f"{default:g}" if default else "none" for name, default in defaults.items()}


def test_every_saved_query_is_listed():
    (table,) = tables(section("docs/monitoring.md", "One order's story"))
    saved = {query.to_dict()["Properties"]["Name"]["Fn::Sub"].rsplit("/", 1)[1] for query in queries.queries()}
    assert {named(row[0])[0] for row in table} == saved


def test_every_limit_of_an_alarm_is_a_key_of_the_environment():
    used = {alarm.threshold for alarm in alarms.inventory() if isinstance(alarm.threshold, Ref)}
    for alarm in alarms.inventory():
        used |= {*alarm.watched.parameters} if isinstance(alarm.watched, Expression) else set()
    known = {key for part in Environment.model_fields.values() for key in getattr(part.annotation, "model_fields", ())}
    assert used
    assert {alarm_docs.setting(parameter) for parameter in used} <= known


def test_every_alarm_stands_once_in_the_list_of_alarms():
    listed = [named(row[0])[0] for table in tables(read("docs/alarms.md")) for row in table]
    notified = {spec.key for spec in alarms.composites() if not spec.group}
    every = {spec.key for spec in [*alarms.inventory(), *alarms.composites()]} - notified
    assert sorted(listed) == sorted(every)
    assert set(re.findall(r"^## ([\w-]+-path)$", read("docs/alarms.md"), re.MULTILINE)) == notified


@pytest.mark.parametrize("path", ["README.md", *sorted(f"docs/{file.name}" for file in PROJECT.glob("docs/*.md"))])
def test_links_lead_to_files(path):
    for target in re.findall(r"\]\(([^)#\s]+)", read(path)):
        if "://" not in target:
            assert (PROJECT / path).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("command", [each.flag for each in arguments.COMMANDS if each.flag])
def test_every_command_is_shown_with_what_it_prints(command):
    shown = [line.split() for line in transcript.commands(read("docs/commands.md"))]
    assert any(command in words for words in shown)
