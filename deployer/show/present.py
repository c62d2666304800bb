"""Outputs into lines."""

from collections.abc import Mapping

from deployer.show.ui import Ui


def show_outputs(ui: Ui, outputs: Mapping[str, str]) -> None:
    width = max(map(len, outputs), default=0)
    for key, value in sorted(outputs.items()):
        ui.line(f"  {key:<{width}}  {value}")
