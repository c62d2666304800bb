"""Render the templates, or take them from the last time if no source has changed."""

import json
from collections.abc import Iterator
from pathlib import Path

from deployer.artifacts import memo

SOURCES = ("config", "contract", "generator")
"""The packages of this project that the generator consists of, and imports."""


def rendered(root: Path, cache: Path) -> dict[str, str]:
    """Return template name -> YAML text."""
    name = memo.key(*_sources(root))
    content = memo.read(cache, name)
    if content is None:
        content = _render()
        if name == memo.key(*_sources(root)):  # a source saved meanwhile may be rendered, or not
            memo.write(cache, name, content)
    return json.loads(content)


def _sources(root: Path) -> Iterator[str | bytes]:
    """Yield path and content of every module."""
    for package in SOURCES:
        for path in memo.modules(root / package):
            yield path.relative_to(root).as_posix()
            yield path.read_bytes()


def _render() -> bytes:
    from generator.render import render

    return json.dumps(render()).encode()
