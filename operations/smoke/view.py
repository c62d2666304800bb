"""Show the checks of a smoke test, as lines and as JSON."""

from deployer.show.ui import Ui
from operations.queues.dead_letters import printable
from operations.smoke.checks import Check


def show(ui: Ui, check: Check, next_command: str) -> None:
    """Show one line; after a failure also what was found, and the command to run next."""
    sign, style = (ui.ok, "") if check.ok else (ui.bad, "red")
    ui.line(f"{sign} {check.path:<12} {check.name:<44} {check.milliseconds:>7,.0f} ms", style)
    if not check.ok:
        ui.line(f"  {printable(check.detail)}")
        if check.request_id:
            ui.line(f"  request {printable(check.request_id)}")
        ui.line(f"  next: {next_command}")


def as_json(check: Check) -> dict:
    return {
        "path": check.path,
        "name": check.name,
        "ok": check.ok,
        "milliseconds": check.milliseconds,
        "detail": check.detail,
        "requestId": check.request_id,
        "orderId": check.order_id,
    }
