"""The dashboard: it follows from the inventories of functions, routes, queues and alarms.

`rows` has what it shows, `widgets` its parts, `body` its JSON; this module lays the rows out.
"""

from troposphere import Sub

from config import names
from generator import alarms, console
from generator.alarm_resources import name as name_of
from generator.alarm_resources import title
from generator.alarms.spec import Alarm, Composite
from generator.dashboard import rows
from generator.dashboard.body import When
from generator.dashboard.body import body as json_body
from generator.dashboard.widgets import Widget, alarm_status, paragraph
from generator.firewall import HAS_FIREWALL

_NAME = names.root_stack("${Environment}")
FIREWALL_ROW = "FirewallRow"


def body() -> Sub:
    widgets, below = _laid_out([_introduction(), _alarms(), *rows.every()], 0)
    firewall, _ = _laid_out([rows.firewall()], below)
    widgets.append(When(FIREWALL_ROW, HAS_FIREWALL, tuple(firewall)))
    return json_body({"widgets": widgets}, CloudWatch=console.cloudwatch())


def _introduction() -> list[Widget]:
    return [
        paragraph(
            f"# {_NAME} - **First** the alarms below: a path in ALARM has notified once; the alarms beside it show "
            "why, their descriptions what to do. If none is in ALARM, see the error budget of the SLOs."
        ),
        paragraph(
            f"**Why?** [Saved queries](${{CloudWatch}}#logsV2:logs-insights) under {names.PROJECT}/${{Environment}}: "
            "errors by function, slowest requests, the trace of an order."
        ),
        paragraph(
            "**Where is the time spent?** [Traces](${CloudWatch}#xray:traces/query). **What to do** for each alarm: "
            "docs/alarms.md of the repository."
        ),
    ]


def _alarms() -> list[Widget]:
    notifying = [each for each in alarms.with_composites() if not each.group]
    others = [each for each in alarms.with_composites() if each.group]
    return [
        alarm_status("Alarms that notify", _arns(notifying), 8, 10),
        alarm_status("Alarms of paths and SLOs", _arns(others), 16, 10),
    ]


def _arns(specs: list[Alarm | Composite]) -> list[str | When]:
    certain: list[str | When] = []
    conditional = []
    for spec in specs:
        arn = f"arn:${{AWS::Partition}}:cloudwatch:${{AWS::Region}}:${{AWS::AccountId}}:alarm:{name_of(spec)}"
        if spec.condition:
            conditional.append(When(f"{title(spec)}Arn", spec.condition, (arn,)))
        else:
            certain.append(arn)
    return certain + conditional


def _laid_out(found: rows.Rows, top: int) -> tuple[list[dict | When], int]:
    """The widgets of `found` with their positions, from line `top` down, and the line after them."""
    positioned: list[dict | When] = []
    for row in found:
        left = 0
        for widget in row:
            position = {"x": left, "y": top, "width": widget.width, "height": widget.height}
            positioned.append({"type": widget.type, **position, "properties": widget.properties})
            left += widget.width
        top += max(widget.height for widget in row)
    return positioned, top
