"""Markdown as a page shows it: headings with GitHub's anchors, links that lead to pages, highlighted code."""

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

_FORMATTER = HtmlFormatter(nowrap=True)


@dataclass(frozen=True)
class Section:
    """A heading with the text up to the next one."""

    level: int
    anchor: str
    title: str
    text: str


class Link(NamedTuple):
    """Where a link leads: the URL, and the title of the page if it is one of the site."""

    url: str
    title: str = ""


@dataclass(frozen=True)
class Rendered:
    html: str
    title: str
    sections: Sequence[Section]


def parse(text: str) -> list[Token]:
    return _parser().parse(text)


def render(text: str, resolve: Callable[[str], Link] = Link) -> Rendered:
    """Render a document. `resolve` says where a link leads, by its target as it is written."""
    tokens = parse(text)
    sections = list(_sections(tokens))
    headings = (token for token in tokens if token.type == "heading_open")
    for heading, section in zip(headings, sections, strict=True):
        heading.attrSet("id", section.anchor)
    for token in tokens:
        _redirect(token.children or (), resolve)
    parser = _parser()
    title = next((section.title for section in sections if section.level == 1), "")
    return Rendered(parser.renderer.render(tokens, parser.options, {}), title, sections)


def _redirect(tokens: Sequence[Token], resolve: Callable[[str], Link]) -> None:
    """Let links and pictures lead to pages; a link whose text is the name of a file gets the title of its page."""
    for place, token in enumerate(tokens):
        for name in {"href", "src"} & {*token.attrs}:
            written = str(token.attrs[name])
            link = resolve(written)
            token.attrSet(name, link.url)
            if (
                name == "href"
                and link.title
                and tokens[place + 1].content == posixpath.basename(written.partition("#")[0])
            ):
                tokens[place + 1].content = link.title


def code(text: str, language: str) -> str:
    """Return code as HTML, highlighted if Pygments knows the language."""
    try:
        return highlight(text, get_lexer_by_name(language, stripnl=False), _FORMATTER)
    except ClassNotFound:
        return escape(text)


def inline(tokens: Sequence[Token]) -> Iterator[Token]:
    return (child for token in tokens for child in token.children or ())


def plain(token: Token) -> str:
    """Return the words of a block."""
    if not token.children:
        return token.content
    return "".join(" " if child.type == "softbreak" else child.content for child in token.children)


def _sections(tokens: Sequence[Token]) -> Iterator[Section]:
    """Yield a section for each heading; a repeated anchor gets a number, as on GitHub."""
    starts = [place for place, token in enumerate(tokens) if token.type == "heading_open"]
    used: dict[str, int] = {}
    for start, end in zip(starts, [*starts[1:], len(tokens)], strict=False):
        title = plain(tokens[start + 1])
        anchor = re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
        number = used[anchor] = used.get(anchor, -1) + 1
        body = (plain(token) for token in tokens[start + 2 : end] if token.type in ("inline", "fence"))
        yield Section(int(tokens[start].tag[1:]), f"{anchor}-{number}" if number else anchor, title, " ".join(body))


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"highlight": lambda text, language, _: code(text, language)}).enable("table")
    parser.add_render_rule("table_open", lambda *_: '<div class="table"><table>\n')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return parser
