"""What counts as a change, and whether it is of code alone."""

import pytest

from operations.development import changes


@pytest.fixture
def root(tmp_path):
    for name in (*changes.FOLDERS, "environments", "requirements"):
        (tmp_path / name).mkdir()
    (tmp_path / "environments" / "dev.toml").write_text("a = 1")
    (tmp_path / "handlers" / "orders.py").write_text("A = 1")
    return tmp_path


def changed(root, action) -> list[str]:
    before = changes.sources(root, "dev")
    action()
    return changes.between(before, changes.sources(root, "dev"))


def test_modules_settings_and_the_layer_count(root):
    def edit():
        (root / "handlers" / "orders.py").write_text("A = 2")
        (root / "domain" / "more.py").write_text("")
        (root / "environments" / "dev.toml").unlink()
        (root / "requirements" / "layer.txt").write_text("a==1")

    names = ["domain/more.py", "environments/dev.toml", "handlers/orders.py", "requirements/layer.txt"]
    assert changed(root, edit) == names


def test_what_an_editor_leaves_and_what_is_no_source_does_not_count(root):
    def edit():
        (root / "handlers" / "orders.py").touch()
        for name in (".orders.py.swp", "orders.py~", "4913", "notes.txt"):
            (root / "handlers" / name).write_text("x")
        (root / "handlers" / ".#orders.py").symlink_to("nobody@nowhere")
        (root / "environments" / "prod.toml").write_text("b = 1")
        (root / "requirements" / "lock.txt").write_text("b==1")

    assert changed(root, edit) == []


def test_a_folder_that_is_missing_has_no_files(root):
    assert changed(root, lambda: (root / "domain").rmdir()) == []
    assert root / "domain" not in changes.watched(root)


@pytest.mark.parametrize(
    "paths, expected",
    [
        (["handlers/orders.py", "domain/orders.py"], True),
        (["handlers/orders.py", "contract/routes.py"], False),
        (["contract/routes.py"], False),
        (["environments/dev.toml"], False),
        (["requirements/layer.txt"], False),
    ],
)
def test_code_alone_needs_no_deployment(paths, expected):
    assert changes.is_code_only(paths) is expected
