"""What the command line asked for: one value for all commands."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Every command reads the part that is meant for it; the command line refuses what does not go together.

    `since`: seconds of log to look back over; None: what suits. `output`: text, json or (plans only) markdown.
    """

    env: str
    local: bool = False
    local_dir: Path | None = None
    region: str | None = None
    profile: str | None = None
    yes: bool = False
    output: str = "text"
    outputs_file: Path | None = None

    # deploy, --plan, --rollback
    plan: bool = False
    detailed_exitcode: bool = False
    allow_replace: frozenset[str] = frozenset()
    orders_per_day: int = 3500
    no_rollback: bool = False
    version: str | None = None

    # --import
    file: Path | None = None

    # --dlq, --redrive
    queue: str | None = None

    # --logs
    function: str | None = None
    follow: bool = False
    order: str | None = None
    since: float | None = None

    # --destroy
    delete_data: bool = False
