"""What a deletion takes and what it leaves, as lines and as JSON."""

from collections.abc import Iterable, Mapping

from config import names
from deployer.show.ui import Ui
from deployer.stacks.holdings import Holding
from deployer.stacks.inventory import Inventory


def show(ui: Ui, found: Inventory, delete_data: bool) -> None:
    """Before anything is changed."""
    goes = found.dying + (found.staying if delete_data else [])
    stays = [] if delete_data else found.staying
    held = {holding.id for holding in found.holdings}
    others = [fate for fate in found.fates if fate.physical_id not in held and not fate.kept]
    ui.line("goes", "bold red")
    _lines(ui, goes, "red")
    if others:
        ui.line(f"  {len(others)} resources that hold no data, of {len({fate.type for fate in others})} types")
    if found.has_flags:
        ui.line(f"  {names.parameter_path(found.environment, 'feature-flags')} (SecureString)")
    if found.records:
        ui.line(f"  the history: {found.records:,} record{'s' * (found.records != 1)} of deployments")
    if stays:
        ui.line("stays", "bold")
        _lines(ui, stays)
    for what in found.untold:
        ui.warn(f"not looked for: {what}")


def _lines(ui: Ui, holdings: Iterable[Holding], style: str = "") -> None:
    """What holds something stands out."""
    for each in holdings:
        protected = ", protected against deletion" if each.protected else ""
        ui.line(f"  {each.fate.path}: {each.amount}{protected}", style if each.number else "")


def show_kept(ui: Ui, kept: Iterable[Mapping[str, str]], command: str) -> None:
    """At the end. `command` removes what can be removed."""
    kept = list(kept)
    if not kept:
        ui.line("Nothing is left.")
        return
    ui.line("kept", "bold")
    for each in kept:
        ui.line(f"  {each['physicalId']} ({each['type']}): {each['why']}")
    if command:
        ui.line(f"To remove that as well: {command}")


def removed(found: Inventory, data: Iterable[Holding]) -> list[dict[str, str]]:
    """What the stack takes, then the data that is removed after it."""
    of_the_stack = [_entry(fate.type, fate.physical_id) for fate in found.fates if not fate.kept]
    return of_the_stack + [_entry(holding.type, holding.id) for holding in data]


def kept(kind: str, physical_id: str, why: str) -> dict[str, str]:
    return {**_entry(kind, physical_id), "why": why}


def _entry(kind: str, physical_id: str) -> dict[str, str]:
    return {"type": kind, "physicalId": physical_id}
