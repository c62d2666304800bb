"""Find links of the built site that lead nowhere, and anything that a page would load from another host."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

LOADED = {"src", "srcset", "poster", "data", "background"}


@dataclass
class _Reader(HTMLParser):
    """Collects the links and the anchors of a page."""

    links: list[tuple[str, bool]] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.anchors.append(value or "")
            elif name == "href" or name in LOADED:
                self.links.append((value or "", name in LOADED or tag == "link"))


def problems(files: Mapping[str, bytes]) -> list[str]:
    """Return what is wrong, as "page: problem"."""
    pages = {address: _read(text) for address, text in files.items() if address.endswith(".html")}
    return [
        f"{address}: {problem}" for address, page in pages.items() for problem in _wrong(address, page, files, pages)
    ]


def _read(text: bytes) -> _Reader:
    reader = _Reader()
    reader.feed(text.decode())
    return reader


def _wrong(address: str, page: _Reader, files: Mapping[str, bytes], pages: Mapping[str, _Reader]) -> Iterator[str]:
    for repeated in {each for each in page.anchors if page.anchors.count(each) > 1}:
        yield f"two elements have the id {repeated!r}"
    for link, loaded in page.links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            if loaded and parts.scheme != "data":
                yield f"would load {link} from another host"
            continue
        target = posixpath.normpath(posixpath.join(posixpath.dirname(address), unquote(parts.path)))
        target = target if parts.path else address
        if target not in files:
            yield f"link to {link}, which is not there"
        elif _is_anchor(parts.fragment) and target in pages and unquote(parts.fragment) not in pages[target].anchors:
            yield f"link to {link}, but the page has no such heading"


def _is_anchor(fragment: str) -> bool:
    """Return False for an operation of the API reference, `#/tag/operation`, which Swagger UI draws later."""
    return bool(fragment) and not fragment.startswith("/")
