"""HTML and SVG elements. As a tree and not as text: what is put into one cannot become markup."""

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(tag: str, text: str = "", **attributes: object) -> Element:
    return _filled(Element(tag), text, attributes)


def add(parent: Element, tag: str, text: str = "", **attributes: object) -> Element:
    """A child of `parent`. `class_` is class, `text_anchor` is text-anchor; floats are rounded to 1/10."""
    return _filled(SubElement(parent, tag), text, attributes)


def number(value: float) -> str:
    """A length in pixels: one decimal place, none if it is zero."""
    return f"{value:.1f}".removesuffix(".0")


def markup(root: Element) -> str:
    return ElementTree.tostring(root, encoding="unicode", method="html")


def printable(text: str) -> str:
    """Without the characters that neither XML nor HTML may have."""
    return _UNPRINTABLE.sub("\ufffd", text)


def _filled(made: Element, text: str, attributes: dict[str, object]) -> Element:
    made.text = printable(text)
    for name, value in attributes.items():
        # viewBox and its like keep their case; a hyphen cannot be written in a keyword.
        written = number(value) if isinstance(value, float) else printable(str(value))
        made.set(name.rstrip("_").replace("_", "-"), written)
    return made
