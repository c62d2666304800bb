"""The documents agree with the project: requirements, alarms, settings, queries, links, commands and targets."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from troposphere import Ref

from config.environment import Environment
from config.sections import Monitoring
from deployer import argument_parser, arguments
from deployer.plan import cfn_yaml
from examples import transcript
from generator import alarm_docs, alarms, queries
from generator.alarms import releases
from generator.alarms.spec import Expression

PROJECT = Path(__file__).resolve().parents[2]
README = "README.md"
INDEX = "docs/README.md"
DOCUMENTS = sorted(f"docs/{file.name}" for file in PROJECT.glob("docs/*"))
PAGES = [README, *(path for path in DOCUMENTS if path.endswith(".md"))]
README_LINES = 130
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
    pages, tickets = tables(section("docs/alarms.md", "Page or ticket"))
    listed = [name for row in [*pages, *tickets] for name in named(row[0])]
    assert sorted(listed) == sorted(spec.key for spec in alarms.with_composites() if not spec.group)
    assert all(because for _, because in [*pages, *tickets])


def test_the_alarms_that_a_local_run_proves_are_counted():
    """All of them: tests/e2e/test_alarms.py."""
    text = f"All {len(alarms.with_composites())} alarms, composite ones included, are shown to go into ALARM"
    assert text in read("docs/local-limits.md")


def test_every_limit_is_listed_with_the_alarms_that_it_changes():
    (table,) = tables(section("docs/monitoring.md", "Configurable limits"))
    keys = {alarm.key for alarm in alarms.inventory()}
    assert [named(key)[0] for key, _ in table] == list(Monitoring.model_fields)
    for _, changed in table:
        assert {name for name in named(changed) if "-" in name} <= keys, changed


def test_every_saved_query_is_listed():
    (table,) = tables(section("docs/monitoring.md", "Tracing one order"))
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
    listed = [named(row[0])[0] for table in tables(read("docs/alarms.md")) for row in table if len(row) == 5]
    notified = {spec.key for spec in alarms.composites() if not spec.group}
    every = {spec.key for spec in (*alarms.with_composites(), *releases.alarms())} - notified
    assert sorted(listed) == sorted(every)
    assert set(re.findall(r"^## ([\w-]+-path)$", read("docs/alarms.md"), re.MULTILINE)) == notified


def prose(path: str) -> str:
    """Return a page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", read(path), flags=re.MULTILINE | re.DOTALL)


def anchor(heading: str) -> str:
    """Return a heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def links(path: str) -> list[tuple[str, str]]:
    """Return the targets of relative links, each with its anchor or ""."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(path))
    return [(target.partition("#")[0], target.partition("#")[2]) for target in found if "://" not in target]


def dead(path: str) -> list[str]:
    """Return the relative links of a page that lead nowhere."""
    found = []
    for target, heading in links(path):
        file = (PROJECT / path).parent / target if target else PROJECT / path
        anchors = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE) if heading else []
        if not file.exists() or (heading and heading not in map(anchor, anchors)):
            found.append(f"{target}#{heading}")
    return found


@pytest.mark.parametrize("path", PAGES)
def test_every_relative_link_leads_to_a_file_and_a_heading(path):
    assert dead(path) == []


def test_the_readme_is_short():
    assert len(read(README).splitlines()) <= README_LINES


def test_every_document_is_in_the_index():
    linked = [f"docs/{target}" for target, _ in links(INDEX) if "/" not in target]
    assert sorted(linked) == [path for path in DOCUMENTS if path != INDEX]


@pytest.mark.parametrize("path", PAGES)
def test_every_document_begins_with_its_title_and_purpose(path):
    title, blank, purpose = re.sub(r"^<!--.*-->\n", "", read(path)).splitlines()[:3]
    assert title.startswith("# ")
    assert not blank
    assert re.match(r"[A-Z`][^|#]{30}", purpose), f"{path} should say in its first line what it is for"


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))


@pytest.mark.parametrize("path", PAGES)
def test_every_path_in_code_style_exists(path):
    """Words that begin like a path of the project; patterns such as `handlers/<key>.py` are left out."""
    words = re.findall(r"`([\w.-]+/[\w./-]*)`", prose(path))
    paths = {word for word in words if (PROJECT / word.partition("/")[0]).is_dir()}
    assert {each for each in paths if not (PROJECT / each).exists()} == set()


def test_the_readme_maps_every_folder_of_code():
    folders = {f"{each.name}/" for each in PROJECT.iterdir() if each.is_dir() and any(each.glob("*.py"))}
    (table,) = tables(section(README, "Folders"))
    mapped = {name for row in table for name in named(row[0]) if name.endswith("/")}
    assert mapped >= folders
    assert {name for name in mapped if not (PROJECT / name).is_dir()} == set()


@pytest.mark.parametrize("path", PAGES)
def test_every_make_target_exists(path):
    targets = make_targets()
    code = re.findall(r"```.*?```|`[^`\n]+`", read(path), re.DOTALL)
    named_targets = {target for each in code for target in re.findall(r"(?:^|[\s`])make ([a-z-]+)", each)}
    assert named_targets <= targets


@pytest.mark.parametrize("path", PAGES)
def test_every_option_of_deploy_py_exists(path):
    known = {flag for action in argument_parser.build()._actions for flag in action.option_strings}
    commands = re.findall(r"deploy\.py ([^\n`|;]*)", read(path))
    used = {flag for each in commands for flag in re.findall(r"--[a-z-]+", each.split("#")[0])}
    assert used <= known


@pytest.mark.parametrize("command", [each.flag for each in arguments.COMMANDS if each.flag])
def test_every_command_is_shown_with_what_it_prints(command):
    shown = [line.split() for line in transcript.commands(read("docs/commands.md"))]
    assert any(command in words for words in shown)
