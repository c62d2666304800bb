"""The site of `make docs` in a real browser, and its API reference against a local deployment."""

import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from contract.routes import ROUTES
from examples.site_screens import place_order
from preview.site import builder, local_apis
from preview.site.__main__ import write
from tests.e2e import browser as chromium
from tests.e2e.site_kit import serving
from tests.e2e.support import ROOT, interruptible
from tests.waiting import HANGS

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    write(builder.build(ROOT), directory)
    return directory


@pytest.fixture
def served(site):
    """A function that serves the site beside the local deployments of a state directory, and returns its URL."""
    with ExitStack() as stack:
        yield lambda state: stack.enter_context(serving(site, lambda: builder.deployment(local_apis.find(state))))


def addresses(site: Path) -> list[str]:
    """Return the pages, and one of those that show a file of the project."""
    found = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return [each for each in found if not each.startswith("source/")] + ["source/contract/errors.py.html"]


def test_every_page_opens_without_an_error_and_never_scrolls_sideways(site, served, page, tmp_path):
    url = served(tmp_path)
    for address in addresses(site):
        page.goto(f"{url}/{address}")
        for size in (chromium.WIDE, chromium.NARROW):
            page.set_viewport_size(size)
            assert chromium.overflowing(page) == [], (address, size["width"])
        assert page.title()


def test_the_site_can_be_read_from_the_disk(site, page):
    page.goto((site / "index.html").as_uri())
    page.get_by_role("link", name="API reference").first.click()
    expect(page.locator(".opblock")).to_have_count(len(ROUTES))


def test_the_reference_lists_every_route(served, page, tmp_path):
    page.goto(f"{served(tmp_path)}/openapi.html")
    expect(page.locator(".opblock")).to_have_count(len(ROUTES))
    shown = {
        (block.locator(".opblock-summary-method").inner_text(), block.locator("[data-path]").get_attribute("data-path"))
        for block in page.locator(".opblock").all()
    }
    assert shown == {(route.method, route.path) for route in ROUTES}


def test_an_open_operation_fits_a_narrow_page(served, page, tmp_path):
    page.set_viewport_size(chromium.NARROW)
    page.goto(f"{served(tmp_path)}/openapi.html")
    for operation in page.locator(".opblock-summary-control").all():
        operation.click()
    for _ in ROUTES:  # a button that was clicked says Cancel
        page.get_by_role("button", name="Try it out").first.click()
    expect(page.get_by_role("button", name="Execute")).to_have_count(len(ROUTES))
    assert chromium.overflowing(page) == []


def test_an_api_that_the_page_may_not_call_is_named_with_the_setting(site, page):
    api = {"environment": "staging", "url": "http://127.0.0.1:9/staging", "origins": ["https://shop.example"]}
    with serving(site, lambda: builder.deployment([api])) as url:
        page.goto(f"{url}/openapi.html")
        status = page.get_by_role("status")
        expect(status).to_contain_text("staging allows pages of https://shop.example only")
        expect(status).to_contain_text('set allowed_origins = ["*"] in environments/staging.toml')


def test_of_two_deployments_the_other_is_under_servers(site, page):
    apis = [{"environment": name, "url": f"http://127.0.0.1:9/{name}", "origins": ["*"]} for name in ("dev", "staging")]
    with serving(site, lambda: builder.deployment(apis)) as url:
        page.goto(f"{url}/openapi.html")
        expect(page.get_by_role("status")).to_contain_text("http://127.0.0.1:9/dev, or to another")
        page.locator(".servers select").select_option("http://127.0.0.1:9/staging")


def test_without_a_deployment_the_reference_says_how_to_start_one(served, page, tmp_path):
    page.goto(f"{served(tmp_path)}/openapi.html")
    expect(page.get_by_role("status")).to_contain_text("Start one with make run")


def test_the_site_never_has_the_key_of_the_deployment(deployment, served):
    script = httpx.get(f"{served(deployment.local_dir)}/deployment.js", trust_env=False).text
    assert deployment.outputs["ApiUrl"] in script
    assert deployment.outputs["ApiKey"] not in script


def test_an_order_is_placed_from_the_reference(deployment, served, page):
    answer = place_order(page, served(deployment.local_dir), deployment.outputs["ApiKey"])
    expect(page.get_by_role("status")).to_contain_text(deployment.outputs["ApiUrl"])
    expect(answer.locator(".response-col_status")).to_contain_text("201")
    order_id = re.search(r'"orderId": "([^"]+)"', answer.inner_text())
    assert order_id
    assert len(deployment.orders_of([order_id[1]])[order_id[1]]) == 1


def test_the_search_leads_to_a_section_by_the_keyboard_alone(served, page, tmp_path):
    page.goto(f"{served(tmp_path)}/index.html")
    page.keyboard.press("/")
    page.keyboard.type("dead letters")
    expect(page.get_by_role("option", selected=True)).to_contain_text("Dead letters")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("dead-letters"))
    expect(page.locator("#found")).to_be_hidden()


def test_the_menu_of_a_narrow_page_opens_by_its_button(served, page, tmp_path):
    page.set_viewport_size(chromium.NARROW)
    page.goto(f"{served(tmp_path)}/index.html")
    documents = page.get_by_role("navigation", name="Documents")
    expect(documents).to_be_hidden()
    page.get_by_role("button", name="Menu").press("Enter")
    documents.get_by_role("link", name="Decisions").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Decisions")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_stops_cleanly(number, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "preview.site", "--serve"],
        cwd=ROOT,
        env={**os.environ, "FOOD_DELIVERY_LOCAL_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,
    )
    assert process.stdout
    assert "http://127.0.0.1:" in process.stdout.readline()
    process.send_signal(number)
    _, errors = process.communicate(timeout=HANGS)
    assert (process.returncode, errors.strip()) == (0, "")
