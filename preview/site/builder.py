"""Build the site in memory: address -> content."""

import json
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import yaml

from preview.site import asyncapi, layout, markdown
from preview.site.addresses import ASYNCAPI, DASHBOARD, INDEX, OPENAPI, PICTURES, page_of, relative
from preview.site.layout import Page
from preview.site.markdown import Link, Section

ASSETS = Path(__file__).parent / "assets"
SWAGGER_UI = ("swagger-ui-bundle.js", "swagger-ui.css", "LICENSE")
TITLES = {OPENAPI: "API reference", ASYNCAPI: "Events and messages", DASHBOARD: "Dashboard"}
METHODS = ("get", "put", "post", "delete", "patch", "head", "options")


@dataclass
class Builder:
    """The files of the site, and the project's files that its pages have linked to so far."""

    root: Path
    files: dict[str, bytes] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def want(self, path: str) -> str:
        """Return the address of a file's page, which is built sooner or later."""
        if path not in self.seen:
            self.seen.add(path)
            self.waiting.append(path)
        return page_of(path)

    def read(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def resolve(self, link: str, path: str) -> Link:
        """Return where a link in the file `path` leads; one that leads nowhere stays, for the check of links."""
        target, mark, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:") or not target:
            return Link(link)
        found = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if found.startswith("..") or not (self.root / found).exists():
            return Link(link)
        return Link(relative(self.want(found), page_of(path)) + mark + anchor, self.title(found))

    def title(self, path: str) -> str:
        """Return the title of a document's page, "" for a file that is shown as it is."""
        if path.endswith(".md"):
            return next((line[2:] for line in self.read(path).splitlines() if line.startswith("# ")), "")
        return TITLES.get(path, "")


def build(root: Path) -> dict[str, bytes]:
    """Return the files of the site by their addresses."""
    builder = Builder(root)
    for path in (INDEX, "README.md", *sorted(f"docs/{file.name}" for file in root.glob("docs/*") if file.is_file())):
        builder.want(path)
    while builder.waiting:
        _add(builder, builder.waiting.pop(0))
    layout.finish(builder.pages, _navigation(builder))
    builder.files |= {address: page.html.encode() for address, page in builder.pages.items()}
    builder.files["search.js"] = _script("searchIndex", _search_index(builder))
    builder.files["deployment.js"] = deployment([])
    builder.files["assets/code.css"] = layout.code_style().encode()
    for asset in ASSETS.iterdir():
        builder.files[f"assets/{asset.name}"] = asset.read_bytes()
    return builder.files


def deployment(apis: Sequence[Mapping[str, object]]) -> bytes:
    """Return the script that tells the API reference which APIs of this machine it can try."""
    return _script("localServers", apis)


def _script(name: str, value: object) -> bytes:
    """A script, and no JSON file: pages that are opened without a server may read it, too."""
    return f"window.{name} = {json.dumps(value, separators=(',', ':'))};\n".encode()


def _add(builder: Builder, path: str) -> None:
    """Add the page of a file, and the files that it needs."""
    address = page_of(path)
    if path.endswith(PICTURES):
        builder.files[address] = (builder.root / path).read_bytes()
        return
    if path == OPENAPI:
        page = _openapi(builder)
    elif path == DASHBOARD:
        builder.files["dashboard-drawing.html"] = (builder.root / path).read_bytes()
        page = Page(path, TITLES[path], layout.dashboard("dashboard-drawing.html"), wide=True)
    elif path.endswith(".md") or path == ASYNCAPI:
        text = builder.read(path)
        if path == ASYNCAPI:
            builder.files["asyncapi.yaml"] = text.encode()
            text = asyncapi.markdown(yaml.safe_load(text))
        page = _document(builder, path, text)
    elif (builder.root / path).is_dir():
        page = _folder(builder, path)
    else:
        page = Page(path, path, layout.source(path, builder.read(path)))
    builder.pages[address] = page


def _document(builder: Builder, path: str, text: str) -> Page:
    rendered = markdown.render(text, lambda link: builder.resolve(link, path))
    if path != INDEX:
        return Page(path, TITLES.get(path, rendered.title), rendered.html, rendered.sections)
    readme = markdown.render(builder.read("README.md"), lambda link: builder.resolve(link.removeprefix("docs/"), INDEX))
    return Page(path, readme.title, layout.home(readme, rendered), rendered.sections[1:], home=True)


def _folder(builder: Builder, path: str) -> Page:
    listed = (each.name for each in (builder.root / path).iterdir())
    names = sorted(name for name in listed if not name.startswith(".") and name != "__pycache__")
    address = page_of(path)
    entries = [(name, relative(builder.want(f"{path}/{name}"), address)) for name in names]
    return Page(f"{path}/", f"{path}/", layout.folder(path, entries))


def _openapi(builder: Builder) -> Page:
    """Return the API reference, which Swagger UI draws in the browser."""
    text = builder.read(OPENAPI)
    document = yaml.safe_load(text)
    builder.files |= {"openapi.yaml": text.encode(), "openapi.js": _script("openapi", document)}
    spec = find_spec("flask_swagger_ui")  # its files are wanted, not Flask: it is not imported
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("flask-swagger-ui is not installed")
    for name in SWAGGER_UI:
        builder.files[f"swagger-ui/{name}"] = (Path(spec.origin).parent / "dist" / name).read_bytes()
    operations = [
        Section(2, f"/{operation['tags'][0]}/{operation['operationId']}", f"{method.upper()} {path}", text)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
        for text in [f"{operation['summary']} {operation.get('description', '')}"]
    ]
    return Page(
        OPENAPI,
        TITLES[OPENAPI],
        layout.reference(),
        operations,
        wide=True,
        styles=layout.REFERENCE_STYLES,
        scripts=layout.REFERENCE_SCRIPTS,
    )


def _navigation(builder: Builder) -> list[tuple[str, list[str]]]:
    """Return the sections of the index, each with the addresses of its pages."""
    sections: list[tuple[str, list[str]]] = [("", ["index.html", "readme.html"])]
    tokens = markdown.parse(builder.read(INDEX))
    for before, token in pairwise(tokens):
        if before.type == "heading_open" and before.tag == "h2":
            sections.append((token.content, []))
        for child in markdown.inline([token]):
            target = page_of(posixpath.normpath(posixpath.join("docs", str(child.attrs.get("href", "")))))
            if target in builder.pages and "/" not in target and target not in sections[0][1]:
                sections[-1][1].append(target)
    return sections


def _search_index(builder: Builder) -> list[list[str]]:
    """Return [URL, title of the page, title of the section, text] of every section."""
    return [
        [address if section.level == 1 else f"{address}#{section.anchor}", page.title, section.title, section.text]
        for address, page in builder.pages.items()
        for section in page.sections
    ]
