"""Build HTML and SVG as a tree of elements, not as text: no value can become markup."""

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(tag: str, text: str = "", **attributes: object) -> Element:
    return _filled(Element(tag), text, attributes)


def add(parent: Element, tag: str, text: str = "", **attributes: object) -> Element:
    """Add a child to `parent`. `class_` is class, `text_anchor` is text-anchor; floats are rounded to 1/10."""
    return _filled(SubElement(parent, tag), text, attributes)


def number(value: float) -> str:
    """Format a length in pixels with one decimal place, none if it is zero."""
    return f"{value:.1f}".removesuffix(".0")


def markup(root: Element) -> str:
    return ElementTree.tostring(root, encoding="unicode", method="html")


def printable(text: str) -> str:
    """Replace the characters that neither XML nor HTML may have."""
    return _UNPRINTABLE.sub("\ufffd", text)


def _filled(made: Element, text: str, attributes: dict[str, object]) -> Element:
    made.text = printable(text)
    for name, value in attributes.items():
        # viewBox and its like keep their case; a hyphen cannot be written in a keyword.
        written = number(value) if isinstance(value, float) else printable(str(value))
        made.set(name.rstrip("_").replace("_", "-"), written)
    return made
