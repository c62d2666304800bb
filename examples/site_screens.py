"""Photograph the site of `make docs` for docs/site.png and docs/site-reference.png: `python -m examples.site_screens`.

Deploy a clone of the last commit to its own emulator, serve the site there, and place an order from the API reference.
"""

import json
import signal
import subprocess
import sys

from playwright.sync_api import Locator, Page, expect

from examples import transcript
from tests.e2e import browser as chromium

DOCS = transcript.ROOT / "docs"


def place_order(
    page: Page, url: str, credential: str, scheme: str = "apiKey", operation: str = "orders-createOrder"
) -> Locator:
    """Place the example's order from the API reference; return the answer that it shows."""
    page.goto(f"{url}/openapi.html#/{operation.replace('-', '/')}")
    page.get_by_role("button", name="Authorize").first.click()
    form = page.locator(".auth-container").filter(has_text=scheme)
    form.locator("input").fill(credential)
    form.get_by_role("button", name="Apply credentials").click()
    form.get_by_role("button", name="Close").click()
    order = page.locator(f"#operations-{operation}")
    order.get_by_role("button", name="Try it out").click()
    order.get_by_role("button", name="Execute").click()
    answer = order.locator(".live-responses-table .response").first
    expect(answer.locator(".response-col_status")).not_to_be_empty(timeout=60_000)
    return answer


def main() -> None:
    if not (path := chromium.executable()):
        sys.exit("site_screens: there is no Chromium on the PATH")
    with transcript.fresh_clone() as (clone, environment):
        outputs = clone / "outputs.json"
        deploy = [sys.executable, "deploy.py", "--env", "dev", "--local", "--yes", "--outputs-file", str(outputs)]
        subprocess.run(deploy, cwd=clone, env=environment, stdout=subprocess.DEVNULL, check=True)
        serve = [sys.executable, "-m", "preview.site", "--serve"]
        with subprocess.Popen(serve, cwd=clone, env=environment, stdout=subprocess.PIPE, text=True) as served:
            try:
                url = served.stdout.readline().split()[4].rstrip("/")  # type: ignore[union-attr]
                with chromium.started(path) as browser, chromium.watched(browser, []) as page:
                    photograph(page, url, json.loads(outputs.read_text())["ApiKey"])
            finally:
                served.send_signal(signal.SIGINT)


def photograph(page: Page, url: str, api_key: str) -> None:
    page.goto(f"{url}/index.html", wait_until="networkidle")
    page.screenshot(path=DOCS / "site.png")
    answer = place_order(page, url, api_key)
    answer.evaluate("element => window.scrollTo(0, element.getBoundingClientRect().top + scrollY - 260)")
    page.screenshot(path=DOCS / "site-reference.png", clip={"x": 0, "y": 0, "width": 1400, "height": 800})


if __name__ == "__main__":
    main()
