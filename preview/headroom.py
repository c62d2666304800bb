"""Draw docs/capacity.svg, at how many times today's load each limit breaks: `python -m preview.headroom`."""

import math
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from capacity.demand import NOW
from capacity.platform import of_environment
from capacity.usage import Usage, usages
from config.environment import load
from preview.elements import add, element, markup

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "capacity.svg"
ENVIRONMENT = "prod"
LAST = 5
"""Decades of load that are drawn: up to 100,000 times."""

_LEFT, _RIGHT, _TOP, _ROW, _WIDTH = 350, 840, 46, 22, 960
_STYLE = """
svg { --page: #ffffff; --text: #1f2328; --muted: #57606a; --line: #d0d7de; --ours: #bc4c00; --aws: #0969da; }
@media (prefers-color-scheme: dark) { svg { --page: #0d1117; --text: #e6edf3; --muted: #9198a1; --line: #30363d;
  --ours: #f0883e; --aws: #58a6ff; } }
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; fill: var(--text); }
.muted { font-size: 12px; fill: var(--muted); }
.page { fill: var(--page); }
.rule { stroke: var(--line); stroke-width: 1; }
.ours { fill: var(--ours); } .aws { fill: var(--aws); }
"""


def svg(found: Sequence[Usage]) -> str:
    """Return the picture of limits, those that break first at the top."""
    height = _TOP + _ROW * len(found) + 40
    root = element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {_WIDTH} {height}", role="img")
    root.set("aria-label", "At how many times today's load each limit breaks")
    add(root, "style", _STYLE)
    add(root, "rect", class_="page", width=_WIDTH, height=height, rx=8)
    _draw_axis(root, height - 34)
    for place, usage in enumerate(found):
        _draw_row(root, _TOP + _ROW * place, usage)
    for place, (kind, text) in enumerate((("ours", "set by this project"), ("aws", "a quota or limit of AWS"))):
        x = _LEFT + 170 * place
        add(root, "rect", class_=kind, x=x, y=height - 22, width=12, height=12, rx=2)
        add(root, "text", text, class_="muted", x=x + 18, y=height - 12)
    return f"{markup(root)}\n"


def _x(times: float) -> float:
    """Position of a load on the logarithmic axis, within it."""
    decades = min(max(math.log10(times), 0), LAST) if times > 0 else 0
    return _LEFT + (_RIGHT - _LEFT) * decades / LAST


def _draw_axis(root: Element, bottom: int) -> None:
    add(root, "text", "breaks at this load:", class_="muted", x=float(_LEFT - 36), y=26, text_anchor="end")
    for decade in range(LAST + 1):
        x = _x(10**decade)
        text = "today" if decade == 0 else f"{10**decade:,} ×"  # noqa: RUF001 - times, in a picture
        add(root, "line", class_="rule", x1=x, y1=_TOP - 10, x2=x, y2=bottom)
        add(root, "text", text, class_="muted", x=x, y=26, text_anchor="middle")


def _draw_row(root: Element, top: int, usage: Usage) -> None:
    name, baseline = f"{usage.limit.service}: {usage.limit.name}", top + 12
    add(root, "text", name, x=float(_LEFT - 12), y=baseline, text_anchor="end")
    times = float(usage.breaks_at / NOW) if usage.breaks_at is not None else math.inf
    right = _x(times)
    kind = "ours" if usage.limit.value is None else "aws"
    add(root, "rect", class_=kind, x=_LEFT, y=top + 2, width=float(max(right - _LEFT, 2)), height=12, rx=2)
    beyond = times > 10**LAST
    text = "beyond" if beyond else f"{times:,.1f} ×" if times < 10 else f"{float(f'{times:.2g}'):,.0f} ×"  # noqa: RUF001
    add(root, "text", text, class_="muted", x=right + 8, y=baseline)


def main() -> None:
    OUTPUT.write_text(svg(usages(of_environment(load(ENVIRONMENT)))), encoding="utf-8")


if __name__ == "__main__":
    main()
