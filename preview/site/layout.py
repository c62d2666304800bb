"""What stands around the content of a page."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from pygments.formatters import HtmlFormatter

from preview.site import markdown
from preview.site.addresses import relative
from preview.site.markdown import Rendered, Section

PROJECT = "Food-delivery order platform"
REFERENCE_SCRIPTS = ("swagger-ui/swagger-ui-bundle.js", "openapi.js", "deployment.js", "assets/reference.js")
REFERENCE_STYLES = ("swagger-ui/swagger-ui.css",)
STYLES = ("assets/code.css", "assets/style.css")

_START = (
    (
        "openapi.html",
        "Call the API",
        "Every request with examples, and a button that sends it to your local deployment",
    ),
    ("alarms.html", "Answer an alarm", "What each alarm means, and what to do first"),
    ("deploy.html", "Deploy it", "Plans, exit codes, rollbacks, and what happens when a step fails"),
)


@dataclass
class Page:
    """A page of the site. `source` is the project's file that it shows; `html` is its content, later all of it."""

    source: str
    title: str
    html: str
    sections: Sequence[Section] = ()
    wide: bool = False
    home: bool = False
    styles: Sequence[str] = ()
    scripts: Sequence[str] = ()


def finish(pages: Mapping[str, Page], navigation: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Put the frame of the site around the content of every page."""
    for address, page in pages.items():
        page.html = _frame(address, page, _navigation(address, pages, navigation))


def home(readme: Rendered, index: Rendered) -> str:
    """Return the first page: the README's introduction and picture, then every document with its purpose."""
    title, introduction, picture = re.findall(r"<h1.*?</h1>|<p>.*?</p>", readme.html, re.DOTALL)[:3]
    cards = "".join(
        f'<a class="card" href="{href}"><strong>{name}</strong><span>{purpose}</span></a>'
        for href, name, purpose in _START
    )
    documents = index.html.partition("</h1>")[2]
    return (
        f'{title}\n{introduction}\n<div class="cards">{cards}</div>\n<div class="picture">{picture}</div>\n{documents}'
    )


def dashboard(drawing: str) -> str:
    return (
        "<h1>Dashboard</h1>\n<p>The environment's CloudWatch dashboard, with the metrics of a local run. "
        '<a href="monitoring.html">Monitoring</a> explains it; <code>make dashboard</code> draws it again. '
        f'<a href="{drawing}">Open it alone</a>.</p>\n'
        f'<iframe class="drawing" src="{drawing}" title="The dashboard of a local run"></iframe>'
    )


def reference() -> str:
    return (
        '<h1 class="hidden">API reference</h1>\n<div id="deployment" class="note" role="status"></div>\n'
        '<div id="reference"><noscript>The reference needs JavaScript; <a href="openapi.yaml">openapi.yaml</a> '
        "does not.</noscript></div>\n"
        '<p class="quiet">The same as a file: <a href="openapi.yaml" download>openapi.yaml</a>. '
        'Guarantees and behaviour: <a href="api.html">the API and its guarantees</a>.</p>'
    )


def source(path: str, text: str) -> str:
    language = {"py": "python", "toml": "toml", "json": "json", "yaml": "yaml", "sh": "sh"}.get(
        path.rpartition(".")[2], ""
    )
    return f"<h1><code>{escape(path)}</code></h1>\n<pre><code>{markdown.code(text, language)}</code></pre>"


def folder(path: str, entries: Sequence[tuple[str, str]]) -> str:
    listed = "".join(f'<li><a href="{escape(url)}">{escape(name)}</a></li>' for name, url in entries)
    return f"<h1><code>{escape(path)}/</code></h1>\n<ul>{listed}</ul>"


def code_style() -> str:
    """Return the colours of highlighted code, for a light and a dark page."""
    light = HtmlFormatter(style="default").get_style_defs(".prose pre")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".prose pre")
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


def _frame(address: str, page: Page, navigation: str) -> str:
    def url(target: str) -> str:
        return relative(target, address)

    title = page.title if page.home else f"{page.title} · {PROJECT}"
    styles = "".join(f'<link rel="stylesheet" href="{url(each)}">' for each in (*page.styles, *STYLES))
    scripts = "".join(f'<script src="{url(each)}" defer></script>' for each in ("assets/site.js", *page.scripts))
    content = "tool" if page.scripts else "prose"
    kind = " ".join(name for name in ("wide", "home") if getattr(page, name))
    return f"""<!doctype html>
<html lang="en" data-root="{url("index.html").removesuffix("index.html")}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>{escape(title)}</title><link rel="icon" href="{url("assets/icon.svg")}">{styles}{scripts}</head>
<body class="{kind}"><a class="skip" href="#content">Skip to the content</a>
<header><a class="brand" href="{url("index.html")}"><img src="{url("assets/icon.svg")}" alt=""> {PROJECT}</a>
<div class="search" role="search"><input type="search" placeholder="Search ( / )" aria-label="Search the documents"
 role="combobox" aria-expanded="false" aria-controls="found" autocomplete="off"><ul id="found" role="listbox" aria-label="Found" hidden></ul></div>
<button type="button" class="menu" aria-controls="navigation" aria-expanded="false">Menu</button></header>
<div class="frame"><nav id="navigation" aria-label="Documents">{navigation}</nav>
<main id="content" tabindex="-1" class="{content}">{page.html}
<footer>From <code>{escape(page.source)}</code></footer></main>
{_contents(page)}</div></body></html>
"""


def _navigation(address: str, pages: Mapping[str, Page], sections: Sequence[tuple[str, Sequence[str]]]) -> str:
    parts = []
    for title, addresses in sections:
        entries = "".join(_entry(each, address, pages[each]) for each in addresses)
        parts.append((f"<h2>{escape(title)}</h2>" if title else "") + f"<ul>{entries}</ul>")
    return "".join(parts)


def _entry(target: str, address: str, page: Page) -> str:
    current = ' aria-current="page"' if target == address else ""
    name = {"index.html": "Home", "readme.html": "Read me"}.get(target, page.title)
    return f'<li><a href="{relative(target, address)}"{current}>{escape(name)}</a></li>'


def _contents(page: Page) -> str:
    """Return the list of a long page's headings."""
    headings = [section for section in page.sections if section.level in (2, 3)]
    if page.wide or page.home or len(headings) < 3:
        return ""
    entries = "".join(
        f'<li class="level-{each.level}"><a href="#{escape(each.anchor)}">{escape(each.title)}</a></li>'
        for each in headings
    )
    return f'<aside aria-label="On this page"><h2>On this page</h2><ul>{entries}</ul></aside>'
