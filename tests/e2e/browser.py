"""Pages in a real, headless Chromium, which reaches this machine only. The fixtures are in conftest.py.

A page fails its test for an error on the console, a request that fails, and a request to another host.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Request, sync_playwright

LOOPBACK = ("127.0.0.1", "localhost")
WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
"""Sizes of a desktop's and of a telephone's window."""

_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP * ~NOTFOUND, {', '.join(f'EXCLUDE {host}' for host in LOOPBACK)}",
]


def executable() -> str | None:
    """Return the path of Debian's Chromium, or of Chrome; None if neither is installed."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def started(executable_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable_path, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched(browser: Browser, problems: list[str]) -> Iterator[Page]:
    """Yield a page of a new context; append to `problems` what goes wrong in it."""
    context = browser.new_context(viewport=WIDE)
    page = context.new_page()
    page.on("console", lambda said: problems.append(f"console: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(f"script: {error}"))
    page.on("request", lambda request: _check_host(request, problems))
    page.on("requestfailed", lambda request: _check_failure(request, problems))
    try:
        yield page
    finally:
        context.close()


def _check_host(request: Request, problems: list[str]) -> None:
    parts = urlsplit(request.url)
    if parts.scheme not in ("data", "blob", "file", "about") and parts.hostname not in (
        "127.0.0.1",
        "localhost",
        "::1",
    ):
        problems.append(f"another host: {request.url}")


def _check_failure(request: Request, problems: list[str]) -> None:
    if request.failure != "net::ERR_ABORTED":  # the page itself gave it up, as a stream when it is left
        problems.append(f"request: {request.method} {request.url}: {request.failure}")


_OVERFLOWING = """() => {
    const width = document.documentElement.clientWidth
    if (document.documentElement.scrollWidth <= width) return []
    return [...document.querySelectorAll("body *")]
        .filter(each => each.getBoundingClientRect().right > width + 1)
        .slice(0, 5).map(each => each.outerHTML.slice(0, 120))
}"""


def overflowing(page: Page) -> list[str]:
    """Return the first elements that make the page scroll sideways; none if it does not."""
    return page.evaluate(_OVERFLOWING)
