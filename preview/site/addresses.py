"""Which page of the site shows a file of the project."""

import posixpath

INDEX = "docs/README.md"
OPENAPI, ASYNCAPI = "docs/openapi.yaml", "docs/asyncapi.yaml"
DASHBOARD = "docs/dashboard.html"
PICTURES = (".svg", ".png")


def page_of(path: str) -> str:
    """Return the address of the page that shows a file; `path` and the address are relative to their roots."""
    if path == INDEX:
        return "index.html"
    if path in (OPENAPI, ASYNCAPI, DASHBOARD):
        return f"{posixpath.basename(path).partition('.')[0]}.html"
    if path.endswith(PICTURES):
        return f"pictures/{posixpath.basename(path)}"
    if path.endswith(".md"):
        return path.removeprefix("docs/").removesuffix(".md").lower() + ".html"
    return f"source/{path}.html"


def relative(target: str, page: str) -> str:
    """Return the URL of an address, as a page of the site refers to it."""
    return posixpath.relpath(target, posixpath.dirname(page) or ".")
