"""The history of an environment as a table and as JSON."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict

from deployer.show.ui import Ui
from deployer.stacks.deployment_records import DEPLOY, Deployment

_HEADINGS = ("version", "when (UTC)", "who", "commit", "what", "took", "")


def show(ui: Ui, deployments: Sequence[Deployment], current: str | None, stored: AbstractSet[str] | None) -> None:
    """Show a table, newest first; mark the newest record of the `current` version, and pruned ones.

    `stored`: keys of the artifacts that exist; None if unknown.
    """
    marked = _index_of(deployments, current)
    ui.table(
        [
            (
                *_row(deployment),
                "← deployed now" if index == marked else "" if _exists(deployment, stored) else "pruned",
            )
            for index, deployment in enumerate(deployments)
        ],
        _HEADINGS,
    )
    if any(deployment.dirty for deployment in deployments):
        ui.line("  * with uncommitted changes")


def _row(deployment: Deployment) -> tuple[str, ...]:
    changes = deployment.changes
    what = "unknown" if changes is None else ", ".join(f"{n} {action}" for action, n in changes.items())
    what = what or "outputs or tags only"
    if deployment.rolled_back_by:
        what = f"rolled back by alarm {deployment.rolled_back_by}"
    return (
        deployment.version,
        deployment.when[:16].replace("T", " "),
        _who(deployment),
        f"{deployment.commit[:8] or '-'}{'*' * deployment.dirty}",
        what if deployment.kind == DEPLOY else f"{deployment.kind}: {what}",
        "unknown" if deployment.seconds is None else f"{deployment.seconds:.0f} s",
    )


def _who(deployment: Deployment) -> str:
    """Return who deployed; for a saved plan who made it, and who approved it by applying it."""
    who, approver = (arn.rsplit(":", 1)[-1] for arn in (deployment.who, deployment.approved_by))
    return f"{who}, approved by {approver}" if approver else who


def as_json(deployments: Sequence[Deployment], current: str | None, stored: AbstractSet[str] | None) -> list[dict]:
    marked = _index_of(deployments, current)
    return [
        {
            **{("rootTemplate" if name == "root" else name): value for name, value in asdict(deployment).items()},
            "current": index == marked,
            "pruned": not _exists(deployment, stored),
        }
        for index, deployment in enumerate(deployments)
    ]


def _exists(deployment: Deployment, stored: AbstractSet[str] | None) -> bool:
    return stored is None or stored >= {*deployment.objects}


def _index_of(deployments: Sequence[Deployment], current: str | None) -> int | None:
    return next(
        (index for index, each in enumerate(deployments) if each.version == current and not each.rolled_back_by), None
    )
