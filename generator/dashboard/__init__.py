"""The dashboard, built from the inventories of functions, routes, queues and alarms: none can be forgotten.

`widgets` knows the JSON, `rows` what is shown; here it is laid out and written down.
"""

import json
import re
from textwrap import indent

from troposphere import If, Sub

from config import names
from contract import metrics
from generator import alarms, console
from generator.alarm_resources import name as name_of
from generator.alarms.spec import Alarm, Composite
from generator.dashboard import rows
from generator.dashboard.widgets import Widget, alarm_status, paragraph
from generator.firewall import HAS_FIREWALL

_NAME = names.root_stack("${Environment}")
FIREWALL_ROW = "FirewallRow"


def body() -> Sub:
    laid_out, below = _laid_out([_introduction(), _alarms(), *rows.every()], 0)
    widgets, _ = _laid_out([rows.firewall()], below)
    firewall_row = "".join(f",\n{indent(_json(each), '    ')}" for each in widgets)
    variables = {"CloudWatch": console.cloudwatch(), FIREWALL_ROW: If(HAS_FIREWALL, Sub(firewall_row), "")}
    text = _json({"widgets": laid_out}).removesuffix("\n  ]\n}") + f"${{{FIREWALL_ROW}}}\n  ]\n}}\n"
    # An alarm that may be missing leaves the list with the comma before it.
    for place, (element, condition, arn) in enumerate(re.findall(r'(,\s*"\?(\w+)\?([^"]*)")', text)):
        variables[f"Alarm{place}"] = If(condition, Sub(f', "{arn}"'), "")
        text = text.replace(element, f"${{Alarm{place}}}")
    return Sub(text, **variables)


def _introduction() -> list[Widget]:
    return [
        paragraph(
            f"# {_NAME} - **First** the alarms below: a red path notified once, the alarms beside it say why, each "
            "one's description what to do. All green? Then the promises: how much error budget is left."
        ),
        paragraph(
            f"**Why?** [Saved queries](${{CloudWatch}}#logsV2:logs-insights) under {names.PROJECT}/${{Environment}}: "
            "errors by function, slowest requests, one order's whole story."
        ),
        paragraph(
            "**Where does the time go?** [Traces](${CloudWatch}#xray:traces/query). **What to do** stands in "
            "docs/alarms.md of the repository, alarm by alarm."
        ),
    ]


def _alarms() -> list[Widget]:
    every = [*alarms.inventory(), *alarms.composites()]
    notifying = [each for each in every if not each.group]
    others = [each for each in every if each.group]
    return [
        alarm_status("Alarms that notify", [_arn(each) for each in _certain_first(notifying)], 8, 10),
        alarm_status("Alarms of the paths and promises", [_arn(each) for each in _certain_first(others)], 16, 10),
    ]


def _certain_first(specs: list[Alarm | Composite]) -> list[Alarm | Composite]:
    return sorted(specs, key=lambda spec: bool(getattr(spec, "condition", None)))


def _arn(spec: Alarm | Composite) -> str:
    """Marked with its condition, if it has one."""
    condition = getattr(spec, "condition", None)
    arn = f"arn:${{AWS::Partition}}:cloudwatch:${{AWS::Region}}:${{AWS::AccountId}}:alarm:{name_of(spec)}"
    return f"?{condition}?{arn}" if condition else arn


def _laid_out(found: rows.Rows, top: int) -> tuple[list[dict], int]:
    """The widgets of `found` with their places, from line `top` down, and the line after them."""
    placed = []
    for row in found:
        left = 0
        for widget in row:
            place = {"x": left, "y": top, "width": widget.width, "height": widget.height}
            placed.append({"type": widget.type, **place, "properties": widget.properties})
            left += widget.width
        top += max(widget.height for widget in row)
    return placed, top


def _json(document: dict) -> str:
    text = json.dumps(document, indent=2)
    # Each metric on a line of its own, not each word of it.
    text = re.sub(
        rf'\[\s+("(?:AWS/|{metrics.NAMESPACE})[^\[\]]*)\]',
        lambda metric: f"[{' '.join(metric[1].split())}]",
        text,
    )
    # A threshold is a number, also when a parameter.
    return re.sub(r'"value": "(\$\{\w+\})"', r'"value": \1', text)
