"""What a deletion deletes and what it retains, as lines and as JSON."""

from collections.abc import Iterable
from dataclasses import dataclass

from config import names
from deployer.show.ui import Ui
from operations.destroy.inventory import ROLE, Inventory
from operations.destroy.resources import BUCKET, DataResource


@dataclass(frozen=True)
class Kept:
    """A resource that exists after the deletion, and why."""

    type: str
    physical_id: str
    why: str

    def as_json(self) -> dict[str, str]:
        return {"type": self.type, "physicalId": self.physical_id, "why": self.why}


def show(ui: Ui, found: Inventory, data: list[DataResource], shared: bool) -> None:
    """Show the plan. `data`: retained by the stack, but deleted after it. `shared`: shared resources are deleted."""
    counted = {each.id for each in found.data}
    others = [each for each in found.resources if each.physical_id not in counted and not each.retained]
    ui.line("will be deleted", "bold red")
    _show_data(ui, found.deleted_data + data, "red")
    if others:
        ui.line(f"  {len(others)} resources without data, of {len({each.type for each in others})} types")
    if found.partner_keys:
        partners = sorted({key.partner for key in found.partner_keys})
        ui.line(
            f"  {len(found.partner_keys)} API keys of the partners {', '.join(partners)}, who then have no access",
            "red",
        )
    if found.has_flags:
        ui.line(f"  {names.parameter_path(found.environment, 'feature-flags')} (SecureString)")
    if found.records:
        ui.line(f"  history: {found.records:,} record{'s' * (found.records != 1)}")
    if shared:
        for what in filter(None, [found.artifacts and found.artifacts.id, *found.log_roles]):
            ui.line(f"  {what} (this is the last environment in this account and region)")
    retained = [each for each in found.retained_data if each not in data]
    if retained:
        ui.line("will be retained", "bold")
        _show_data(ui, retained)
    for what in found.unchecked:
        ui.warn(f"not checked: {what}")


def _show_data(ui: Ui, resources: Iterable[DataResource], style: str = "") -> None:
    """Those that are not empty get the style."""
    for each in resources:
        protected = ", deletion protection" if each.protected else ""
        outside = "" if each.resource.stack else f", retained by an earlier deployment as {each.id}"
        ui.line(f"  {each.resource.path}: {each.amount}{protected}{outside}", style if each.count else "")


def show_kept(ui: Ui, kept: list[Kept], command: str) -> None:
    """Show what exists after the deletion. `command`: deletes it as well; "" if none does."""
    if not kept:
        ui.line("Nothing is left.")
        return
    ui.line("kept", "bold")
    for each in kept:
        ui.line(f"  {each.physical_id} ({each.type}): {each.why}")
    if command:
        ui.line(f"To delete that as well: {command}")


def kept(found: Inventory, delete_data: bool) -> list[Kept]:
    """Return what exists after a deletion that deletes no shared resources."""
    kept = [] if delete_data else [Kept(each.type, each.id, each.amount) for each in found.retained_data]
    if found.artifacts:
        shared = f"shared with {', '.join(sorted(found.others))}" if found.others else "for the next environment"
        kept.append(Kept(BUCKET, found.artifacts.id, f"templates and packages, {shared}"))
    return kept + [
        Kept(ROLE, role, "lets API Gateway write logs, in this whole account and region") for role in found.log_roles
    ]


def as_json(result: str, found: Inventory, data: Iterable[DataResource], kept: Iterable[Kept]) -> dict:
    """`data`: retained by the stack, but deleted after it."""
    removed = [(each.type, each.physical_id) for each in found.resources if not each.retained]
    removed += [(each.type, each.id) for each in data]
    removed += [("AWS::ApiGateway::ApiKey", key.id) for key in found.partner_keys]
    return {
        "result": result,
        "environment": found.environment,
        "removed": [{"type": kind, "physicalId": physical_id} for kind, physical_id in removed],
        "kept": [each.as_json() for each in kept],
    }
