"""What a deletion takes and what it leaves, as lines and as JSON."""

from collections.abc import Iterable, Mapping

from config import names
from deployer.commands.destroy.inventory import ROLE, Inventory
from deployer.commands.destroy.stored_data import BUCKET, Holding
from deployer.show.ui import Ui


def show(ui: Ui, found: Inventory, data: list[Holding], shared: bool) -> None:
    """Before anything is changed. `data` goes although it is retained; with `shared` so does what environments share."""
    goes = found.dying + data
    stays = [holding for holding in found.staying if holding not in data]
    held = {holding.id for holding in found.stored}
    others = [fate for fate in found.fates if fate.physical_id not in held and not fate.kept]
    ui.line("goes", "bold red")
    _lines(ui, goes, "red")
    if others:
        ui.line(f"  {len(others)} resources that hold no data, of {len({fate.type for fate in others})} types")
    if found.has_flags:
        ui.line(f"  {names.parameter_path(found.environment, 'feature-flags')} (SecureString)")
    if found.records:
        ui.line(f"  the history: {found.records:,} record{'s' * (found.records != 1)} of deployments")
    if shared:
        for what in filter(None, [found.artifacts and found.artifacts.id, *found.log_roles]):
            ui.line(f"  {what}, for this is the last environment here")
    if stays:
        ui.line("stays", "bold")
        _lines(ui, stays)
    for what in found.untold:
        ui.warn(f"not looked for: {what}")


def _lines(ui: Ui, holdings: Iterable[Holding], style: str = "") -> None:
    """What holds something stands out."""
    for each in holdings:
        protected = ", protected against deletion" if each.protected else ""
        outside = "" if each.fate.stack else f", left by an earlier deployment as {each.id}"
        ui.line(f"  {each.fate.path}: {each.amount}{protected}{outside}", style if each.number else "")


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


def kept(found: Inventory, delete_data: bool) -> list[dict[str, str]]:
    """What is there afterwards, and why, when this is not the environment's and everybody's end."""
    data = [] if delete_data else found.staying
    kept = [entry(held.type, held.id, held.amount) for held in data]
    if found.artifacts:
        shared = f"shared with {', '.join(sorted(found.others))}" if found.others else "for the next environment"
        kept.append(entry(BUCKET, found.artifacts.id, f"templates and packages, {shared}"))
    return kept + [
        entry(ROLE, role, "lets API Gateway write logs, in this whole account and region") for role in found.log_roles
    ]


def entry(kind: str, physical_id: str, why: str) -> dict[str, str]:
    return {"type": kind, "physicalId": physical_id, "why": why}


def document(result: str, found: Inventory, data: Iterable[Holding], kept: Iterable[Mapping[str, str]]) -> dict:
    """`data`: what is removed after the stack, which takes all that it does not keep."""
    gone = [(fate.type, fate.physical_id) for fate in found.fates if not fate.kept]
    gone += [(held.type, held.id) for held in data]
    return {
        "result": result,
        "environment": found.environment,
        "removed": [{"type": kind, "physicalId": physical_id} for kind, physical_id in gone],
        "kept": list(kept),
    }
