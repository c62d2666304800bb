"""The site of the documents: every page, every link, nothing from another host."""

import json
import re

import pytest

from contract.routes import ROUTES
from preview.site import builder, links
from preview.site.__main__ import ROOT, write


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return builder.build(ROOT)


@pytest.fixture
def project(tmp_path):
    """The smallest project with a site, of which a test adds pages."""
    for name, text in {
        "README.md": "# Project\n\nIt does this.\n\n![Picture](docs/picture.svg)\n",
        "docs/README.md": "# Documents\n\n## Use\n\n| document |\n|---|\n| [page.md](page.md) |\n",
        "docs/page.md": "# A page\n\n## A heading\n\nWords.\n",
        "docs/picture.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        **{f"docs/{name}.md": f"# {name}\n" for name in ("alarms", "api", "deploy")},
        "docs/openapi.yaml": "paths: {}",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_no_link_of_the_site_is_dead_and_nothing_comes_from_another_host(files):
    assert links.problems(files) == []


def test_every_document_has_a_page_that_the_menu_names(files):
    home = files["index.html"].decode()
    for document in ROOT.glob("docs/*.md"):
        address = "index.html" if document.name == "README.md" else f"{document.stem}.html"
        assert address in files
        assert f'<a href="{address}"' in home


def test_every_page_has_its_own_title(files):
    pages = [text.decode() for name, text in files.items() if name.endswith(".html")]
    titles = {found[1] for page in pages if (found := re.search(r"<title>(.+?)</title>", page))}
    assert len(titles) == len(pages)


def test_the_first_page_has_the_picture_of_the_readme(files):
    assert 'src="pictures/architecture.svg"' in files["index.html"].decode()


def test_the_built_site_knows_no_deployment(files):
    assert files["deployment.js"] == b"window.localServers = [];\n"


def test_the_search_finds_each_route_and_each_heading(files):
    index = json.loads(files["search.js"].decode().partition(" = ")[2].rstrip(";\n"))
    titles = {(url, section) for url, _, section, _ in index}
    assert {f"{route.method} {route.path}" for route in ROUTES} <= {section for _, section in titles}
    assert ("monitoring.html#dead-letters", "Dead letters") in titles


@pytest.mark.parametrize(
    "text, problem",
    [
        ("[gone](gone.md)", "gone.md, which is not there"),
        ("[gone](page.md#gone)", "page.html#gone, but the page has no such heading"),
        ("[gone](#gone)", "#gone, but the page has no such heading"),
        ("[outside](../../etc/passwd)", "../../etc/passwd, which is not there"),
        ("![picture](gone.png)", "gone.png, which is not there"),
        ("![picture](https://example.com/picture.png)", "from another host"),
        ("<script src='//example.com/script.js'></script>", "from another host"),
        ('<p id="a-heading"></p>\n\n## A heading', "two elements have the id 'a-heading'"),
    ],
)
def test_what_is_wrong_with_a_page_is_named_with_the_page(project, text, problem):
    (project / "docs" / "other.md").write_text(f"# Other\n\n{text}\n")
    (found,) = links.problems(builder.build(project))
    assert found.startswith("other.html: ")
    assert problem in found


def test_a_linked_file_and_a_linked_folder_are_pages_too(project):
    for name in ("module.py", "below/more.py", "__pycache__/module.pyc", ".hidden"):
        (project / "code" / name).parent.mkdir(parents=True, exist_ok=True)
        (project / "code" / name).write_bytes(b"\xff" if "." in name.removesuffix(".py") else b"x = '<b>'\n")
    (project / "docs" / "page.md").write_text("# A page\n\n[code](../code/) and [more](page.md)\n")
    files = builder.build(project)
    assert links.problems(files) == []
    assert "&lt;b&gt;" in files["source/code/module.py.html"].decode()
    assert 'href="source/code.html"' in files["page.html"].decode()
    assert "source/code/below/more.py.html" in files


def test_a_link_that_is_written_as_a_file_gets_the_title_of_its_page(project):
    (project / "docs" / "other.md").write_text("# Other\n\n[page.md](page.md#a-heading), [words](page.md)\n")
    text = builder.build(project)["other.html"].decode()
    assert '<a href="page.html#a-heading">A page</a>, <a href="page.html">words</a>' in text


def test_a_build_deletes_the_pages_of_the_build_before(tmp_path):
    write({"a.html": b"a", "b/c.html": b"c"}, tmp_path)
    write({"a.html": b"A"}, tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.html"]
    assert (tmp_path / "a.html").read_bytes() == b"A"
