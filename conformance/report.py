"""docs/conformance.md: a table for each area with a column for each witness, what differs, what nothing tries."""

from collections.abc import Iterable, Mapping

from conformance.probe import Probe
from conformance.unproven import UNPROVEN
from conformance.witness import KNOWN, Record
from generator import markdown

NOT_RUN = "not run yet"


def with_results(document: str, probes: Mapping[str, Probe], records: Mapping[str, Record]) -> str:
    """Return the document with its blocks written. Raises ValueError if it lacks one."""
    blocks = {
        "witnesses": _witnesses(probes, records),
        "probes": _tables(probes, records),
        "differences": _differences(probes, records),
        "unproven": _table(
            ("assumption", "made in", "no probe because"),
            [(each.assumption, f"`{each.source}`", each.why) for each in UNPROVEN],
        ),
    }
    for name, text in blocks.items():
        document = markdown.with_block(document, f"conformance: {name}", text)
    return document


def run_table(probes: Iterable[Probe], results: Mapping[str, Mapping[str, str]]) -> str:
    """Return one run's results as a table."""
    rows = [(f"`{each.id}`", each.sentence, results[each.id]["verdict"], _said(results[each.id])) for each in probes]
    return _table(("probe", "what AWS does", "verdict", ""), rows)


def _columns(records: Mapping[str, Record]) -> dict[str, str]:
    return {**KNOWN, **{name: record.head for name, record in records.items()}}


def _witnesses(probes: Mapping[str, Probe], records: Mapping[str, Record]) -> str:
    rows = []
    for name, head in _columns(records).items():
        if record := records.get(name):
            verdicts = [_verdict(probe, record) for probe in probes.values()]
            counts = {
                verdict: verdicts.count(verdict)
                for verdict in sorted(set(verdicts), key=lambda each: (-verdicts.count(each), each))
            }
            said = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
            rows.append((head, record.date, f"`{record.templates}`", said))
        else:
            rows.append((head, "", "", f"{len(probes)} {NOT_RUN}"))
    return _table(("witness", "date", "templates", "probes"), rows)


def _tables(probes: Mapping[str, Probe], records: Mapping[str, Record]) -> str:
    columns = _columns(records)
    text = []
    for area in sorted({probe.area for probe in probes.values()}):
        rows = []
        for probe in sorted(probes.values(), key=lambda each: each.id):
            if probe.area == area:
                code = ", ".join(f"`{path}`" for path in probe.relies)
                verdicts = [_verdict(probe, records.get(name)) for name in columns]
                rows.append((f"`{probe.id}`", probe.sentence, code, *verdicts))
        heads = ("probe", "what AWS does", "code that relies on it", *columns.values())
        text += [f"### {area.replace('_', ' ').capitalize()}", "", _table(heads, rows), ""]
    return "\n".join(text).rstrip()


def _differences(probes: Mapping[str, Probe], records: Mapping[str, Record]) -> str:
    """List what does not hold, by witness; equal reasons once."""
    text = []
    for record in records.values():
        by_reason: dict[tuple[str, str], list[str]] = {}
        for probe in probes.values():
            if (verdict := _verdict(probe, record)) not in ("holds", NOT_RUN):
                by_reason.setdefault((verdict, _said(record.results[probe.id])), []).append(probe.id)
        rows = [
            (", ".join(f"`{each}`" for each in ids), verdict, reason)
            for (verdict, reason), ids in sorted(by_reason.items(), key=lambda item: (item[0][0] != "differs", item))
        ]
        text += [f"### {record.head[0].upper()}{record.head[1:]}", ""]
        text += [_table(("probes", "verdict", "expected and seen, or why"), rows) if rows else "Everything holds.", ""]
    return "\n".join(text).rstrip()


def _verdict(probe: Probe, record: Record | None) -> str:
    return record.results[probe.id]["verdict"] if record and probe.id in record.results else NOT_RUN


def _said(result: Mapping[str, str]) -> str:
    if "why" in result:
        return result["why"]
    return f"expected {result['expected']}; seen {result.get('seen', 'nothing')}" if "expected" in result else ""


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table whose cells are plain text: nothing in them begins markup."""
    lines = [tuple(heads), tuple("---" for _ in heads), *rows]
    cells = [[cell.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)
