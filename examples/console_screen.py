"""Draw docs/console.png: `python -m examples.console_screen ADDRESS`, with the address that `python -m console` printed.

It needs Chromium and the packages of `make setup`. It places orders in that run.
"""

import sys
from pathlib import Path

from tests.e2e import browser

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "console.png"
SIZE = {"width": 1400, "height": 1180}


def main(address: str) -> None:
    chromium = browser.executable() or sys.exit("no Chromium found")
    with browser.started(chromium) as running, browser.watched(running, []) as page:
        page.set_viewport_size(SIZE)
        page.goto(address)
        page.wait_for_selector("#live.on")
        page.get_by_role("button", name="One to be rejected").click()
        page.wait_for_selector(".letter")
        page.get_by_role("button", name="Ten random orders").click()
        page.wait_for_selector("#answer .quiet")
        page.get_by_role("button", name="Place it").click()
        page.wait_for_selector("#answer pre:has-text('109.97')")
        page.wait_for_selector("g.pulse")
        page.screenshot(path=OUTPUT)
    print(f"{OUTPUT}: {OUTPUT.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) == 2 else sys.exit(__doc__))
