"""`python -m preview.site`: what it prints, and when it writes nothing."""

import pytest

from preview.site import __main__ as command
from preview.site import builder

PAGE = b"<!doctype html><title>A page</title>"


@pytest.fixture
def built(monkeypatch, tmp_path):
    """Have the build return what a test puts into the dictionary; the site is `site` below tmp_path."""
    files = {"index.html": PAGE}
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "SITE", tmp_path / "site")
    monkeypatch.setattr(builder, "build", lambda root: files)
    return files


def test_it_says_where_the_site_is(built, capsys, tmp_path):
    assert command.main([]) == 0
    assert capsys.readouterr().out == "site/index.html: 1 pages, no dead link\n"
    assert (tmp_path / "site" / "index.html").read_bytes() == PAGE


def test_a_dead_link_is_named_and_nothing_is_written(built, capsys, tmp_path):
    built["index.html"] += b'<a href="gone.html">gone</a>'
    assert command.main([]) == 1
    assert capsys.readouterr().err == "docs: index.html: link to gone.html, which is not there\n"
    assert not (tmp_path / "site").exists()


def test_a_folder_that_cannot_be_written_is_one_line(built, capsys, tmp_path):
    (tmp_path / "site").write_text("a file")
    assert command.main([]) == 2
    assert capsys.readouterr().err.startswith(f"docs: {tmp_path / 'site'} cannot be written: ")


def test_an_interrupted_build_is_no_traceback(monkeypatch, built, capsys):
    def interrupt(root):
        raise KeyboardInterrupt

    monkeypatch.setattr(builder, "build", interrupt)
    assert command.main([]) == 130
    assert capsys.readouterr().err == ""
