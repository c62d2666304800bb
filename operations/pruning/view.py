"""What --prune deletes, as lines and as JSON."""

from collections import Counter

from deployer.show.ui import Ui
from operations.pruning.selection import Selection

SHOWN = 20


def show(ui: Ui, bucket: str, chosen: Selection) -> None:
    ui.line("will be deleted", "bold red")
    if chosen.artifacts:
        kinds = Counter(each.key.partition("/")[0] for each in chosen.artifacts)
        listed = ", ".join(_number(count, kind.removesuffix("s")) for kind, count in sorted(kinds.items()))
        ui.line(f"  {listed} in {bucket}: {_size(sum(each.bytes for each in chosen.artifacts))}")
    if chosen.functions:
        count = len({each.function for each in chosen.functions})
        size = _size(sum(each.bytes for each in chosen.functions))
        ui.line(f"  {_number(len(chosen.functions), 'version')} of {_number(count, 'function')}: {size}")
    if chosen.lost:
        ui.line("then --rollback can no longer deploy", "bold")
        ui.table([(each.environment, each.version, each.when[:16].replace("T", " ")) for each in chosen.lost[:SHOWN]])
        if len(chosen.lost) > SHOWN:
            ui.line(f"  and {len(chosen.lost) - SHOWN:,} older versions")


def deleted(objects: int, functions: int) -> str:
    return f"{_number(objects, 'object version')}, {_number(functions, 'function version')}"


def as_json(result: str, bucket: str, keep: int, chosen: Selection) -> dict:
    return {
        "result": result,
        "bucket": bucket,
        "keep": keep,
        "objects": [{"key": each.key, "bytes": each.bytes} for each in chosen.artifacts],
        "functionVersions": [
            {"function": each.function, "version": each.version, "bytes": each.bytes} for each in chosen.functions
        ],
        "lost": [{"environment": each.environment, "version": each.version, "when": each.when} for each in chosen.lost],
    }


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _size(number: int) -> str:
    return f"{number / 1e6:,.1f} MB" if number >= 1e5 else f"{number / 1e3:,.1f} kB"
