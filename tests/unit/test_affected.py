"""`make check` leaves out no test that a change can affect."""

import pytest

from tests import affected

TREE = {
    "domain/__init__.py": "",
    "domain/money.py": "",
    "handlers/place.py": "def handler():\n    from domain import money\n",
    "handlers/read.py": "",
    "generator/render.py": "import generator.table",
    "generator/table.py": "",
    "config/settings.py": 'FOLDER = ROOT / "environments"',
    "environments/dev.toml": "",
    "templates/data.yaml": "",
    "setup.cfg": "",
    "tests/conftest.py": "",
    "tests/unit/handlers/conftest.py": "from tests.unit import kit",
    "tests/unit/kit.py": "",
    "tests/unit/handlers/test_place.py": "from handlers.place import handler",
    "tests/unit/handlers/test_patched.py": 'PATCHED = "handlers.read.now"',
    "tests/unit/handlers/golden/order.json": "",
    "tests/unit/test_settings.py": "import config.settings",
    "tests/unit/test_templates.py": 'TEXT = (ROOT / "templates" / "data.yaml").read_text()',
    "tests/unit/test_golden.py": 'FILES = HERE / "golden"',
    "tests/unit/test_walls.py": 'SOURCES = ROOT.rglob("*.py")',
    "tests/e2e/test_whole.py": "from handlers.place import handler",
}


@pytest.fixture
def tree(tmp_path):
    for file, text in TREE.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("handlers/place.py", {"place", "walls"}),
        ("handlers/read.py", {"patched", "walls"}),
        ("domain/money.py", {"place", "walls"}),
        ("domain/__init__.py", {"place", "walls"}),
        ("domain/added.py", {"walls"}),
        ("generator/table.py", {"templates", "walls"}),
        ("templates/data.yaml", {"templates"}),
        ("environments/prod.toml", {"settings"}),
        ("tests/unit/kit.py", {"place", "patched", "walls"}),
        ("tests/unit/handlers/test_place.py", {"place", "walls"}),
        ("tests/unit/handlers/golden/order.json", {"golden"}),
        ("LICENSE", set()),
    ],
)
def test_a_change_affects_what_imports_names_or_reads_it(tree, change, expected):
    found = affected.affected(TREE, {change}, tree)
    assert {file.rpartition("test_")[2].removesuffix(".py") for file in found} == expected


def test_a_deleted_module_affects_what_still_imports_it(tree):
    (tree / "domain/money.py").unlink()
    found = affected.affected(TREE.keys() - {"domain/money.py"}, {"domain/money.py"}, tree)
    assert "tests/unit/handlers/test_place.py" in found


@pytest.mark.parametrize("change", ["setup.cfg", "tests/conftest.py"])
def test_what_configures_pytest_affects_every_unit_test(tree, change):
    tests = {file for file in TREE if file.startswith("tests/unit/") and "/test_" in file}
    assert set(affected.affected(TREE, {change}, tree)) == tests
