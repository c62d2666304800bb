"""Results as text: cells of a table, and the tables of docs/benchmarks.md, which come from results.json alone."""

from collections.abc import Mapping

from benchmarks.measure import ROOT
from benchmarks.results import Result
from benchmarks.rows import Quartiles, Row
from benchmarks.sections import SECTIONS
from generator import markdown

DOCUMENT = ROOT / "docs" / "benchmarks.md"
HEADS = ("what", "median", "quartiles", "ratio", "target")


def with_results(document: str, results: Mapping[str, Result]) -> str:
    """Return the document with the table of each section in its block; raise ValueError if a section has none."""
    for section in SECTIONS:
        shown = table(results[section]) if section in results else "Not measured yet.\n"
        document = markdown.with_block(document, f"measured: {section}", shown)
    return document


def table(result: Result) -> str:
    tables = markdown.table(HEADS, map(cells, result.rows))
    return f"{tables}\n{result.date}, {result.machine}; {result.circumstances}.\n"


def cells(row: Row) -> tuple[str, ...]:
    if row.taken is None:
        return row.what, row.note, "", "", _target(row)
    median = f"{number(row.taken.median)} {row.unit}".rstrip() + (f": {row.note}" if row.note else "")
    ratio = f"{number(row.ratio.median)} ({_range(row.ratio)})" if row.ratio and _varies(row.ratio) else ""
    if row.ratio and not ratio:
        ratio = number(row.ratio.median)
    return row.what, median, _range(row.taken) if _varies(row.taken) else "", ratio, _target(row)


def number(value: float) -> str:
    """With as many digits as say something."""
    if value == round(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"


def _varies(values: Quartiles) -> bool:
    return values.low != values.high


def _range(values: Quartiles) -> str:
    return f"{number(values.low)} to {number(values.high)}"


def _target(row: Row) -> str:
    if not row.target:
        return ""
    sign = {"<=": "≤", ">=": "≥"}[row.target.sign]
    bound = f"{sign} {number(row.target.bound)}{' times' if row.target.of == 'ratio' else ''}"
    return bound if row.is_met is None else f"{bound}: {'met' if row.is_met else 'NOT MET'}"
