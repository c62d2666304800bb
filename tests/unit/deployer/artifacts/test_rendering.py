"""Templates are rendered again if a source has changed, and only then."""

import json
import shutil
import subprocess
import sys

import pytest

from deployer.artifacts import memo, rendering
from generator.render import render
from tests.e2e.support import ROOT

OPENED = """
import json, os, sys
opened = set()
sys.addaudithook(lambda event, given: event == "open" and isinstance(given[0], str) and opened.add(os.path.realpath(given[0])))
from generator.render import render
render()
print(json.dumps(sorted(opened)))
"""


def test_every_file_that_rendering_opens_is_a_source():
    done = subprocess.run([sys.executable, "-B", "-c", OPENED], cwd=ROOT, capture_output=True, text=True, check=True)
    opened = {
        path
        for path in json.loads(done.stdout)
        if path.startswith(f"{ROOT}/") and "/.venv" not in path and ".egg-info" not in path
    }
    modules = {path.replace("/__pycache__", "").split(".cpython-")[0].removesuffix(".py") for path in opened}
    named = {str(ROOT / each).removesuffix(".py") for each in rendering._sources(ROOT) if isinstance(each, str)}
    assert f"{ROOT}/generator/render" in modules
    assert modules <= named


@pytest.fixture
def project(tmp_path):
    for package in rendering.SOURCES:
        shutil.copytree(ROOT / package, tmp_path / package)
    return tmp_path


def test_a_changed_source_renders_again_and_an_unchanged_one_does_not(project, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(rendering, "_render", lambda: calls.append(1) or json.dumps(render()).encode())
    assert rendering.rendered(project, tmp_path / "cache") == render()
    assert rendering.rendered(project, tmp_path / "cache") == render()
    assert len(calls) == 1
    (project / "config" / "names.py").write_text("# changed")
    rendering.rendered(project, tmp_path / "cache")
    (project / "contract" / "added.py").touch()
    rendering.rendered(project, tmp_path / "cache")
    assert len(calls) == 3


def test_what_is_rendered_while_a_source_changes_is_not_kept(project, tmp_path, monkeypatch):
    source = project / "generator" / "root.py"
    before = source.read_bytes()

    def render_what_is_saved_meanwhile() -> bytes:
        source.write_text("# changed")
        return json.dumps({"root": "changed"}).encode()

    monkeypatch.setattr(rendering, "_render", render_what_is_saved_meanwhile)
    assert rendering.rendered(project, tmp_path / "cache") == {"root": "changed"}
    source.write_bytes(before)
    monkeypatch.undo()
    assert rendering.rendered(project, tmp_path / "cache") == render()


def test_the_lock_file_of_an_editor_is_no_source(project):
    before = memo.key(*rendering._sources(project))
    (project / "config" / ".#names.py").symlink_to("someone@host.1:2")
    assert memo.key(*rendering._sources(project)) == before


def test_another_package_renders_again(project, monkeypatch):
    before = memo.key(*rendering._sources(project))
    monkeypatch.setattr(memo, "installed", lambda: "troposphere-5.0.0.dist-info")
    assert memo.key(*rendering._sources(project)) != before
